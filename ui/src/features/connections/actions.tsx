import { Alert, Button, Group, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { keys } from "../../api/queries";
import type { Connection, TestReport } from "../../api/types";
import { useAction } from "../../api/use-action";
import { usePause } from "../../api/use-pause";
import { useServiceState } from "../../api/use-service-state";
import { Confirm, Conflict } from "../../components/dialogs";
import { Icon } from "../../components/icons";
import { PauseButton } from "../../components/pause-button";
import { Failure } from "../../components/states";
import { duration } from "../../components/time";
import { UntrustedText } from "../../components/untrusted-text";
import { strings } from "../../strings";
import { EditConnection } from "./edit-connection";

const t = strings.connections;

/** What an admin does with a connection. */
export function Actions({ connection, onGone }: { connection: Connection; onGone: () => void }) {
  const { client } = useGateway();
  const queries = useQueryClient();
  const state = useServiceState();
  const [report, setReport] = useState<TestReport>();
  const [removing, setRemoving] = useState(false);
  const [editing, setEditing] = useState(false);
  const path = { name: connection.name };
  const test = useAction(async () => {
    setReport(undefined);
    setReport(await unwrap(client.POST("/api/v1/connections/{name}/test", { params: { path } })));
  });
  const restart = useAction(async () => {
    setReport(undefined);
    setReport(await unwrap(client.POST("/api/v1/connections/{name}/restart", { params: { path } })));
  });
  const remove = useAction(async (version: number) => {
    await unwrap(client.DELETE("/api/v1/connections/{name}", { params: { path, query: { version } } }));
    await queries.invalidateQueries({ queryKey: [keys.connections], exact: true });
    onGone();
  });
  const pause = usePause(`connection:${connection.name}`);
  const stale = remove.error?.code === "stale" ? (remove.error.current as Connection | undefined) : undefined;
  const failed = test.error ?? restart.error ?? pause.error ?? (stale ? undefined : remove.error);

  return (
    <>
      <Group gap="xs">
        <Button size="xs" variant="default" loading={test.pending} disabled={state === "stopped"} onClick={() => void test.run()} data-testid="connection-test">
          {t.test}
        </Button>
        <Button size="xs" variant="default" loading={restart.pending} disabled={state === "stopped" || state === "sealed"} onClick={() => void restart.run()} data-testid="connection-restart">
          {t.restart}
        </Button>
        <Button size="xs" variant="default" disabled={state === "stopped" || state === "sealed"} onClick={() => setEditing(true)} data-testid="connection-edit">
          {t.edit}
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
      {editing && <EditConnection connection={connection} onClose={() => setEditing(false)} />}
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
