import { Button, NativeSelect, Stack, Text } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { agentsQuery, keys, statusQuery } from "../../api/queries";
import { useAction } from "../../api/use-action";
import { CopyLine } from "../../components/copy-line";
import { Failure } from "../../components/states";
import { strings } from "../../strings";
import { SNIPPETS, type Snippet } from "./snippets";

const t = strings.clients.elsewhere;

interface Made {
  snippet: Snippet;
  agent: string;
  token: string;
}

/** In a browser: an agent, and what to tell the client. The token lives as long as this is shown. */
export function Instructions({ user, onMade }: { user: string; onMade: ((agentName: string) => void) | undefined }) {
  const { client } = useGateway();
  const queries = useQueryClient();
  const status = useQuery(statusQuery(client));
  const agents = useQuery(agentsQuery(client));
  const [chosen, setChosen] = useState(SNIPPETS[0]?.id ?? "");
  const [made, setMade] = useState<Made>();
  const url = `${status.data?.url ?? window.location.origin}/mcp`;

  const make = useAction(async () => {
    const snippet = SNIPPETS.find((known) => known.id === chosen);
    if (snippet === undefined) return;
    const taken = new Set((agents.data ?? []).filter((agent) => agent.user === user).map((agent) => agent.name));
    const body = { name: freeName(snippet.id, taken), scope: [] };
    const agent = await unwrap(client.POST("/api/v1/users/{name}/agents", { params: { path: { name: user } }, body }));
    setMade({ snippet, agent: agent.name, token: agent.token });
    void queries.invalidateQueries({ queryKey: [keys.agents] });
    onMade?.(agent.name);
  });

  return (
    <div className="panel padded" data-testid="client-instructions">
      <Stack>
        <Text size="sm">{t.text}</Text>
        {make.error && <Failure message={make.error.message} next={make.error.next} />}
        <div className="client-make">
          <NativeSelect
            label={t.client}
            data={SNIPPETS.map(({ id, title }) => ({ value: id, label: title }))}
            value={chosen}
            onChange={(event) => {
              setChosen(event.currentTarget.value);
              setMade(undefined);
            }}
            data-testid="client-choose"
          />
          <Button variant={made ? "default" : "filled"} loading={make.pending} onClick={() => void make.run()} data-testid="client-make">
            {made ? t.again : t.make}
          </Button>
        </div>
        {made && <HowTo made={made} url={url} />}
      </Stack>
    </div>
  );
}

function HowTo({ made: { snippet, agent, token }, url }: { made: Made; url: string }) {
  return (
    <Stack gap="xs" data-testid="client-how">
      <Text size="sm" role="status">
        {t.madeFor(agent)}
      </Text>
      {snippet.bridge && (
        <>
          <Text size="sm">{t.bridgeFirst}</Text>
          <CopyLine text={token} label={t.token} testId="client-token" />
        </>
      )}
      {snippet.before && (
        <>
          <Text size="sm">{t.envFirst}</Text>
          <CopyLine text={snippet.before(token)} label={t.run} testId="client-before" />
        </>
      )}
      <Text size="sm">{snippet.file === undefined ? t.run : t.file(snippet.file)}</Text>
      <CopyLine text={snippet.text(url, token)} label={snippet.file === undefined ? t.run : t.file(snippet.file)} testId="client-snippet" />
    </Stack>
  );
}

function freeName(base: string, taken: ReadonlySet<string>): string {
  let name = base;
  for (let number = 2; taken.has(name); number++) name = `${base}-${number}`;
  return name;
}
