import { Alert, Button, Code, Group, Text } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { unwrap } from "../../api/client";
import { asApiError } from "../../api/error";
import { useGateway } from "../../api/gateway";
import { connectionQuery, keys, toolsQuery } from "../../api/queries";
import type { Connection, ConnectionDetail, TestReport, Tool } from "../../api/types";
import { useAction } from "../../api/use-action";
import { usePause } from "../../api/use-pause";
import { useIsAdmin } from "../../api/use-role";
import { useServiceState } from "../../api/use-service-state";
import { Confirm, Conflict } from "../../components/dialogs";
import { Icon } from "../../components/icons";
import { PauseButton } from "../../components/pause-button";
import { Failure, Loading } from "../../components/states";
import { duration } from "../../components/time";
import { ToolName } from "../../components/tool-name";
import { UntrustedText } from "../../components/untrusted-text";
import { usePaging } from "../../components/use-paging";
import { strings } from "../../strings";
import { Accounts } from "./accounts";
import { Target } from "./target";

const t = strings.connections;
/** Of tools, of prompts, of resources. */
const STEP = 25;

/** What a person needs to use or repair one connection. */
export function ConnectionPanel({ name, onGone }: { name: string; onGone: () => void }) {
  const { client } = useGateway();
  const mayChange = useIsAdmin();
  const detail = useQuery(connectionQuery(client, name));
  const tools = useQuery({ ...toolsQuery(client), select: (all) => all.filter((tool) => tool.connection === name) });
  if (detail.isError && detail.data === undefined) {
    const error = asApiError(detail.error);
    return <Failure message={error.message} next={error.next} action={{ label: strings.retry, run: () => void detail.refetch() }} />;
  }
  if (detail.data === undefined) return <Loading label={strings.loading} />;
  return (
    <div className="item-body">
      {mayChange && <Actions connection={detail.data} onGone={onGone} />}
      <h3>{t.target}</h3>
      <Target transport={detail.data.transport} />
      <Text size="sm" mt={6}>
        {t.credentialNames}{" "}
        {detail.data.credentials.length === 0 ? <span className="dim">{t.noCredentials}</span> : detail.data.credentials.join(", ")}
        <span className="dim"> · {t.starts(detail.data.starts)}</span>
      </Text>
      {detail.data.sign_in != null && (
        <>
          <h3>{strings.accounts.title}</h3>
          <Accounts connection={name} />
        </>
      )}
      <ToolList tools={tools.data} refused={detail.data.refused_tools} />
      <Stderr detail={detail.data} />
    </div>
  );
}

const KINDS = [
  { title: strings.tools.kindsOf.tool, kinds: ["tool"] },
  { title: strings.tools.kindsOf.prompt, kinds: ["prompt"] },
  { title: strings.tools.kindsOf.resource, kinds: ["resource", "template"] },
];

function ToolList({ tools, refused }: { tools: readonly Tool[] | undefined; refused: Connection["refused_tools"] }) {
  return (
    <>
      {tools === undefined && <Loading label={strings.loading} />}
      {tools?.length === 0 && (
        <Text size="sm" c="dimmed">
          {t.noTools}
        </Text>
      )}
      {KINDS.map(({ title, kinds }) => (
        <KindList key={title} title={title} tools={(tools ?? []).filter((tool) => kinds.includes(tool.kind ?? "tool"))} />
      ))}
      {refused.length > 0 && (
        <>
          <h3>{t.refused}</h3>
          <ul className="refused">
            {refused.map((tool) => (
              <li key={tool.name}>
                <code>
                  <UntrustedText text={tool.name} />
                </code>{" "}
                <span data-tone="wait">
                  <UntrustedText text={tool.reason} />
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function KindList({ title, tools }: { title: string; tools: readonly Tool[] }) {
  const { shown, left, more } = usePaging(tools, STEP);
  if (tools.length === 0) return null;
  return (
    <section className="kind-list" aria-label={title}>
      <h3>
        {title} <span className="dim">{tools.length.toLocaleString("en")}</span>
      </h3>
      {shown.map((tool) => (
        <details key={tool.id} className="tool" data-testid={`tool-${tool.id}`}>
          <summary>
            <ToolName id={tool.id} kind={tool.kind === "template" ? "template" : "tool"} />
          </summary>
          <p className="dim prose">{tool.description === "" ? t.noDescription : <UntrustedText text={tool.description} />}</p>
          <p className="dim">
            {t.mcpName}{" "}
            <code>
              <UntrustedText text={tool.mcp_name} />
            </code>
          </p>
        </details>
      ))}
      {left > 0 && (
        <Button size="xs" variant="default" w="fit-content" onClick={more}>
          {strings.tools.more(left)}
        </Button>
      )}
    </section>
  );
}

function Stderr({ detail }: { detail: ConnectionDetail }) {
  if (detail.transport.kind !== "stdio") return null;
  return (
    <>
      <h3>{t.stderr}</h3>
      {detail.stderr.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t.noStderr}
        </Text>
      ) : (
        <Code block className="stderr" tabIndex={0} aria-label={t.stderr}>
          <UntrustedText text={detail.stderr.join("\n")} />
        </Code>
      )}
    </>
  );
}

function Actions({ connection, onGone }: { connection: Connection; onGone: () => void }) {
  const { client } = useGateway();
  const queries = useQueryClient();
  const state = useServiceState();
  const [report, setReport] = useState<TestReport>();
  const [removing, setRemoving] = useState(false);
  const path = { name: connection.name };
  const test = useAction(async () => {
    setReport(undefined);
    setReport(await unwrap(client.POST("/api/v1/connections/{name}/test", { params: { path } })));
  });
  const remove = useAction(async (version: number) => {
    await unwrap(client.DELETE("/api/v1/connections/{name}", { params: { path, query: { version } } }));
    await queries.invalidateQueries({ queryKey: [keys.connections], exact: true });
    onGone();
  });
  const pause = usePause(`connection:${connection.name}`);
  const stale = remove.error?.code === "stale" ? (remove.error.current as Connection | undefined) : undefined;
  const failed = test.error ?? pause.error ?? (stale ? undefined : remove.error);

  return (
    <>
      <Group gap="xs">
        <Button size="xs" variant="default" loading={test.pending} disabled={state === "stopped"} onClick={() => void test.run()} data-testid="connection-test">
          {t.test}
        </Button>
        <PauseButton
          paused={connection.paused ?? false}
          pending={pause.pending}
          disabled={state === "stopped"}
          label={connection.paused ? strings.pausing.resume : strings.pausing.pause}
          description={connection.paused ? strings.pausing.resumeNamed(connection.name) : strings.pausing.pauseNamed(connection.name)}
          testId="connection-pause"
          onToggle={() => void pause.run(!connection.paused)}
        />
        <Button
          size="xs"
          variant="subtle"
          color="red"
          className="danger"
          leftSection={<Icon name="trash" size={14} />}
          disabled={state === "stopped"}
          onClick={() => setRemoving(true)}
          data-testid="connection-remove"
        >
          {strings.remove}
        </Button>
      </Group>
      <div role="status">{report && <Report report={report} />}</div>
      {failed && !removing && <Failure message={failed.message} next={failed.next} />}
      <Confirm
        opened={removing && stale === undefined}
        title={t.removeTitle(connection.name)}
        confirm={strings.remove}
        cancel={strings.cancel}
        pending={remove.pending}
        onConfirm={() => void remove.run(connection.version)}
        onCancel={() => {
          setRemoving(false);
          remove.clear();
        }}
      >
        <Text size="sm">{t.removeText}</Text>
        {remove.error && <Failure message={remove.error.message} next={remove.error.next} />}
      </Confirm>
      {stale && (
        <Conflict
          title={strings.conflict.title}
          explanation={strings.conflict.text}
          mineLabel={strings.conflict.seen}
          mine={describe(connection)}
          theirsLabel={strings.conflict.now}
          theirs={describe(stale)}
          keep={strings.conflict.keep}
          overwrite={strings.conflict.removeAnyway}
          pending={remove.pending}
          onKeep={() => {
            setRemoving(false);
            remove.clear();
            void queries.invalidateQueries({ queryKey: [keys.connections] });
          }}
          onOverwrite={() => void remove.run(stale.version)}
        />
      )}
    </>
  );
}

function describe(connection: Connection): string {
  return JSON.stringify({ version: connection.version, transport: connection.transport, credentials: connection.credentials }, null, 2);
}

function Report({ report }: { report: TestReport }) {
  return (
    <Alert
      mt="xs"
      variant="light"
      color={report.ok ? "green" : "red"}
      icon={<Icon name={report.ok ? "check" : "alert"} />}
      title={report.ok ? t.testOk(t.offers(report.tools, report.prompts, report.resources), duration(report.duration_ms)) : t.testFailed(duration(report.duration_ms))}
      className="notice"
      data-tone={report.ok ? "allow" : "deny"}
      data-testid="connection-report"
    >
      {report.problem != null && (
        <Text size="sm">
          <UntrustedText text={report.problem} />
        </Text>
      )}
      {report.server != null && (
        <Text size="sm">
          {t.server} <UntrustedText text={report.server} />
          {report.protocol != null && <UntrustedText text={` · MCP ${report.protocol}`} />}
        </Text>
      )}
    </Alert>
  );
}
