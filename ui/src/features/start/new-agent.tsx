import { Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { agentsQuery, keys, sessionQuery, statusQuery } from "../../api/queries";
import { useAction } from "../../api/use-action";
import { CopyLine } from "../../components/copy-line";
import { Icon } from "../../components/icons";
import { SecretOnce } from "../../components/secret-once";
import { Failure } from "../../components/states";
import { strings } from "../../strings";

const t = strings.start.agent;
const TTL_SECONDS = 90 * 86_400;

/** An agent of one's own. Its token is held in this component's memory and gone with it. */
export function NewAgent() {
  const { client } = useGateway();
  const queries = useQueryClient();
  const user = useQuery(sessionQuery(client)).data?.user ?? "";
  const agents = useQuery({ ...agentsQuery(client), select: (all) => all.filter((agent) => agent.user === user) }).data;
  const [made, setMade] = useState<{ name: string; token: string }>();
  const form = useForm({ initialValues: { name: "claude" }, validate: { name: (value) => (value.trim() === "" ? strings.people.nameMissing : null) } });
  const make = useAction(async (name: string) => {
    const body = { name, scope: [], ttl_seconds: TTL_SECONDS };
    const agent = await unwrap(client.POST("/api/v1/users/{name}/agents", { params: { path: { name: user } }, body }));
    setMade({ name: agent.name, token: agent.token });
    await queries.invalidateQueries({ queryKey: [keys.agents] });
  });

  if (made !== undefined) return <Token {...made} />;
  return (
    <Stack>
      {agents !== undefined && agents.length > 0 && (
        <Text size="sm" role="status">
          <Icon name="check" size={14} /> {t.there(agents.map((agent) => agent.name))}
        </Text>
      )}
      <form noValidate onSubmit={form.onSubmit(({ name }) => void make.run(name.trim()))}>
        <Stack>
          {make.error && <Failure message={make.error.message} next={make.error.next} />}
          <Group align="end">
            <TextInput flex={1} maw={320} label={t.name} description={t.nameHint} autoComplete="off" data-testid="start-agent-name" {...form.getInputProps("name")} />
            <Button type="submit" loading={make.pending} data-testid="start-agent-make">
              {t.make}
            </Button>
          </Group>
        </Stack>
      </form>
    </Stack>
  );
}

function Token({ name, token }: { name: string; token: string }) {
  const { client } = useGateway();
  const url = useQuery(statusQuery(client)).data?.url ?? "http://127.0.0.1:7410";
  return (
    <Stack data-testid="start-token">
      <Text size="sm">{t.once(name)}</Text>
      <SecretOnce secret={token} label={t.token} copy={strings.copy} copied={strings.copied} copyFailed={strings.copyFailed} testId="start-agent-token" />
      <div>
        <Text size="sm" mb={4}>
          {t.claude}
        </Text>
        <CopyLine text={`claude mcp add --transport http gateway ${url}/mcp --header "Authorization: Bearer ${token}"`} label={t.claudeLabel} testId="start-claude" />
      </div>
      <div>
        <Text size="sm" mb={4}>
          {t.others}
        </Text>
        <CopyLine text={JSON.stringify({ mcpServers: { gateway: { url: `${url}/mcp`, headers: { Authorization: `Bearer ${token}` } } } })} label={t.othersLabel} testId="start-json" />
      </div>
    </Stack>
  );
}
