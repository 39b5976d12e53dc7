import { Button, Checkbox, Group, Loader, NativeSelect, Stack, Text } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { connectionsQuery, grantsQuery, keys, sessionQuery, statusQuery, toolsQuery } from "../../api/queries";
import type { Grant, Tool } from "../../api/types";
import { useAction } from "../../api/use-action";
import { CopyLine } from "../../components/copy-line";
import { Mark } from "../../components/mark";
import { Failure, Loading } from "../../components/states";
import { timeOfDay } from "../../components/time";
import { ToolName } from "../../components/tool-name";
import { UntrustedText } from "../../components/untrusted-text";
import { strings } from "../../strings";
import { useCalls } from "./use-calls";
import "./start.css";

const t = strings.start.call;
/** Tools that are offered to be allowed at once. */
const MOST = 12;

interface FirstCallProps {
  /** Where the token of an agent of this person is, if one is on this machine. */
  tokenFile?: string | undefined;
}

/** Allow something, see the first call go through, take it back, see the next one refused. */
export function FirstCall({ tokenFile }: FirstCallProps) {
  const { client } = useGateway();
  const user = useQuery(sessionQuery(client)).data?.user;
  const connections = useQuery(connectionsQuery(client)).data;
  const tools = useQuery(toolsQuery(client)).data;
  const grants = useQuery(grantsQuery(client)).data;
  const [chosen, setChosen] = useState<string>();
  if (user === undefined || connections === undefined || tools === undefined || grants === undefined) return <Loading label={strings.loading} />;
  const first = connections.find(({ name }) => name === "sample") ?? connections.find(({ health, tools: count }) => health === "ready" && count > 0) ?? connections[0];
  const connection = connections.find(({ name }) => name === chosen) ?? first;
  if (connection === undefined) return <Text size="sm">{t.noTools}</Text>;
  const offered = tools
    .filter((tool) => tool.connection === connection.name && (tool.kind ?? "tool") === "tool")
    .toSorted((a, b) => Number(reads(b)) - Number(reads(a)))
    .slice(0, MOST);
  const given = grants.filter((grant) => grant.subject === user && grant.effect === "allow" && offered.some((tool) => tool.id === grant.tool));
  return (
    <Stack>
      {connections.length > 1 && (
        <NativeSelect w={260} label={t.connection} value={connection.name} data={connections.map(({ name }) => name)} onChange={(event) => setChosen(event.currentTarget.value)} data-testid="start-connection" />
      )}
      {offered.length === 0 ? (
        <Text size="sm" data-testid="start-nothing">
          <UntrustedText text={connection.health === "ready" ? t.noneOffered(connection.name) : t.notReady(connection.name, connection.problem ?? "")} />
        </Text>
      ) : (
        <Story key={connection.name} user={user} connection={connection.name} offered={offered} given={given} tokenFile={tokenFile} />
      )}
    </Stack>
  );
}

/** As an admin or its server says. */
const reads = (tool: Tool) => (tool.effect ?? tool.suggested_effect) === "read";

interface PartProps extends FirstCallProps {
  user: string;
  connection: string;
  /** What only reads comes first. */
  offered: readonly Tool[];
  /** The grants of it that this person has. */
  given: readonly Grant[];
}

/** First what is allowed, then what came of it; once it was taken back, the other way round. */
function Story(props: PartProps) {
  const { calls: all, seen } = useCalls(props.user);
  const calls = all.filter((call) => props.offered.some((tool) => tool.id === call.tool));
  const taken = props.given.length === 0 && calls.some((call) => call.decision === "allow");
  const permit = <Permit key="permit" again={taken} {...props} />;
  const told = <Calls key="calls" calls={calls} seen={seen} {...props} />;
  return <>{taken ? [told, permit] : [permit, told]}</>;
}

function Permit({ user, offered, given, again }: PartProps & { again: boolean }) {
  const { client } = useGateway();
  const queries = useQueryClient();
  // What only reads is chosen, unless a person says otherwise.
  const [turned, setTurned] = useState<ReadonlySet<string>>(new Set());
  const isWanted = (tool: Tool) => reads(tool) !== turned.has(tool.id);
  const wanted = offered.filter(isWanted);
  const allow = useAction(async () => {
    const add = wanted.map((tool) => ({ subject: user, tool: tool.id, effect: "allow" as const }));
    await unwrap(client.POST("/api/v1/changes", { body: { add } }));
    await queries.invalidateQueries({ queryKey: [keys.grants] });
  });
  if (given.length > 0) {
    return (
      <Text size="sm" role="status" data-testid="start-allowed">
        <Mark tone="allow" icon="check" label={t.allowed(given.map((grant) => grant.tool))} />
      </Text>
    );
  }
  return (
    <fieldset className="rows">
      <legend>{again ? t.again : t.may}</legend>
      {offered.map((tool) => (
        <Checkbox
          key={tool.id}
          checked={isWanted(tool)}
          onChange={() => setTurned((now) => new Set(now.has(tool.id) ? [...now].filter((id) => id !== tool.id) : [...now, tool.id]))}
          label={
            <>
              <ToolName id={tool.id} /> <span className="dim"><UntrustedText text={tool.description} limit={90} /></span>{" "}
              {!reads(tool) && <Mark tone="wait" icon="alert" label={strings.tools.effects[tool.effect ?? tool.suggested_effect ?? "none"]} />}
            </>
          }
        />
      ))}
      {allow.error && <Failure message={allow.error.message} next={allow.error.next} />}
      <Button w="fit-content" variant={again ? "default" : "filled"} loading={allow.pending} disabled={wanted.length === 0} onClick={() => void allow.run()} data-testid="start-allow">
        {t.allow(wanted.length)}
      </Button>
    </fieldset>
  );
}

function Calls({ calls, seen, connection, offered, given, tokenFile }: PartProps & ReturnType<typeof useCalls>) {
  const { client } = useGateway();
  const queries = useQueryClient();
  const program = useQuery(statusQuery(client)).data?.program ?? "agw";
  const revoke = useAction(async () => {
    await unwrap(client.POST("/api/v1/changes", { body: { remove: given.map(({ id, version }) => ({ id, version })) } }));
    await queries.invalidateQueries({ queryKey: [keys.grants] });
  });
  const allowed = calls.some((call) => call.decision === "allow");
  const denied = calls.findIndex((call) => call.decision === "deny");
  const taken = allowed && given.length === 0;
  const story = given.length > 0 && !allowed ? "waiting" : given.length > 0 ? "allowed" : taken && denied === 0 ? "denied" : taken ? "taken" : undefined;
  if (story === undefined && calls.length === 0) return null;
  const tool = (given[0]?.tool ?? calls[0]?.tool ?? offered[0]?.id) || "";
  return (
    <section className="first-call panel" aria-label={t.title} data-testid="first-call" data-story={story}>
      <Group gap="xs" role="status" aria-live="polite">
        {(story === "waiting" || story === "taken") && <Loader size="xs" />}
        <Text fw={600}>{story && t.story[story]}</Text>
      </Group>
      {story === "waiting" && <Text size="sm">{connection === "sample" ? t.askSample : t.ask}</Text>}
      {calls.length > 0 && (
        <ul className="first-calls">
          {calls.map((call) => (
            <li key={call.seq} data-decision={call.decision} data-fresh={seen.has(call.seq)} data-testid="first-call-row">
              {call.decision === "allow" ? <Mark tone="allow" icon="check" label={strings.feed.allow} filled /> : <Mark tone="deny" icon="cross" label={strings.feed.deny} filled />}
              <ToolName id={call.tool ?? strings.feed.unknownTool} />
              <span className="dim">
                {call.user} / {call.agent ?? strings.feed.nobody}
              </span>
              <time className="dim" dateTime={call.time}>
                {timeOfDay(call.time)}
              </time>
            </li>
          ))}
        </ul>
      )}
      {revoke.error && <Failure message={revoke.error.message} next={revoke.error.next} />}
      {story === "allowed" && (
        <Button w="fit-content" color="red.9" loading={revoke.pending} onClick={() => void revoke.run()} data-testid="start-revoke">
          {t.revoke}
        </Button>
      )}
      {(story === "waiting" || story === "taken") && (
        <details className="test-call">
          <summary data-testid="start-test-call">{t.testCall}</summary>
          <Text size="sm" my={6}>
            {tokenFile === undefined ? t.testCallText : t.testCallFile}
          </Text>
          <CopyLine text={[program, "call", ...(tokenFile === undefined ? [] : ["--token-file", tokenFile]), tool].map(quoted).join(" ")} label={t.testCallLabel} testId="start-test-line" />
        </details>
      )}
    </section>
  );
}

/** For a shell, should there be anything in it that one minds. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
