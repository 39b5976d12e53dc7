import { Button, Stack, Text } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { agentsQuery, keys } from "../../api/queries";
import { useAction } from "../../api/use-action";
import { CopyLine } from "../../components/copy-line";
import { Failure } from "../../components/states";
import { strings } from "../../strings";
import { ClientSelect, HowTo, Trust, useAddresses } from "./how-to";
import { SNIPPETS } from "./snippets";

const t = strings.clients.elsewhere;
const TTL_SECONDS = 90 * 86_400;

/** An agent for a program that is wired by hand. Its token lives as long as this is shown. */
export function Instructions({ user, sharingHref }: { user: string; sharingHref: string | undefined }) {
  const { client, host } = useGateway();
  const queries = useQueryClient();
  const agents = useQuery(agentsQuery(client));
  const { here, there } = useAddresses();
  const [chosen, setChosen] = useState(SNIPPETS[0].id);
  const [made, setMade] = useState<{ agent: string; token: string }>();

  const make = useAction(async () => {
    const taken = new Set((agents.data ?? []).filter((agent) => agent.user === user).map((agent) => agent.name));
    const body = { name: freeName(chosen, taken), scope: [], ttl_seconds: TTL_SECONDS };
    const agent = await unwrap(client.POST("/api/v1/users/{name}/agents", { params: { path: { name: user } }, body }));
    setMade({ agent: agent.name, token: agent.token });
    void queries.invalidateQueries({ queryKey: [keys.agents] });
  });

  return (
    <section className="panel padded" aria-label={t.title} data-testid="client-instructions">
      <Stack>
        {!made && <Text size="sm">{host.shell ? t.anyProgram : t.inBrowser}</Text>}
        {make.error && <Failure message={make.error.message} next={make.error.next} />}
        {made ? (
          <>
            <Text size="sm" role="status">
              {t.madeFor(made.agent)}
            </Text>
            <HowTo token={made.token} client={chosen} sharingHref={sharingHref} />
            <Button variant="default" w="fit-content" onClick={() => setMade(undefined)} data-testid="client-again">
              {t.again}
            </Button>
          </>
        ) : (
          <>
            <div className="client-make">
              <ClientSelect value={chosen} onChange={setChosen} testId="client-choose" />
              <Button loading={make.pending || agents.isPending} onClick={() => void make.run()} data-testid="client-make">
                {t.make}
              </Button>
            </div>
            {here !== undefined && (
              <>
                <Text size="sm">{t.signIn}</Text>
                <CopyLine text={`${here}/mcp`} label={t.address} testId="client-sign-in" />
                {there != null && (
                  <>
                    <Text size="sm">{t.fromElsewhere}</Text>
                    <CopyLine text={`${there}/mcp`} label={t.fromElsewhere} testId="client-sign-in-there" />
                  </>
                )}
                {(there ?? here).startsWith("https:") && <Trust />}
              </>
            )}
          </>
        )}
      </Stack>
    </section>
  );
}

function freeName(base: string, taken: ReadonlySet<string>): string {
  let name = base;
  for (let number = 2; taken.has(name); number++) name = `${base}-${number}`;
  return name;
}
