import { Code, Drawer, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";

import { unwrap } from "../../api/client";
import { asApiError } from "../../api/error";
import { useEvents, useGateway } from "../../api/gateway";
import type { AuditRecord } from "../../api/types";
import { Failure, Loading } from "../../components/states";
import { duration } from "../../components/time";
import { UntrustedText } from "../../components/untrusted-text";
import { strings } from "../../strings";
import { DecisionMark, StatusMark } from "./marks";

const t = strings.feed;

/** The whole story of one call, as the audit trail has it. */
export function CallDrawer({ id, onClose }: { id: string | undefined; onClose: () => void }) {
  return (
    <Drawer opened={id !== undefined} onClose={onClose} position="right" size="md" title={t.storyTitle} closeButtonProps={{ "aria-label": strings.close }}>
      {id !== undefined && <Story id={id} />}
    </Drawer>
  );
}

function Story({ id }: { id: string }) {
  const { client } = useGateway();
  const events = useEvents();
  const story = useQuery({
    queryKey: ["audit", id],
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/audit/{id}", { params: { path: { id } }, signal })),
  });
  const { refetch } = story;
  useEffect(() => events.onAudit((record) => record.call_id === id && void refetch()), [events, id, refetch]);

  if (story.isError) {
    const error = asApiError(story.error);
    return <Failure message={error.message} next={error.next} action={{ label: strings.retry, run: () => void refetch() }} />;
  }
  if (story.data === undefined) return <Loading label={strings.loading} />;
  return (
    <Stack data-testid="call-story">
      {story.data.map((record) => (
        <RecordCard key={record.seq} record={record} />
      ))}
    </Stack>
  );
}

function RecordCard({ record }: { record: AuditRecord }) {
  return (
    <section className="card">
      <h3>
        {t.kinds[record.kind] ?? record.kind} <span className="dim">#{record.seq}</span>
      </h3>
      <dl className="facts">
        <Fact name={t.time} value={record.time} />
        <Fact name={t.user} value={record.user} />
        <Fact name={t.agent} value={record.agent} />
        <Fact name={t.tool} value={record.tool} />
        {record.decision != null && (
          <>
            <dt>{t.decision}</dt>
            <dd>
              <DecisionMark decision={record.decision} />
            </dd>
          </>
        )}
        {record.status != null && (
          <>
            <dt>{t.statusTitle}</dt>
            <dd>
              <StatusMark status={record.status} />
            </dd>
          </>
        )}
        <Fact name={t.reason} value={record.reason} />
        <Fact name={t.detail} value={record.detail} />
        <Fact name={t.duration} value={record.duration_ms == null ? undefined : duration(record.duration_ms)} />
        <Fact name={t.grants} value={record.grants?.join(", ")} />
        <Fact name={t.policyVersion} value={record.policy_version?.toString()} />
        <Fact name={t.face} value={record.face} />
        <Fact name={t.callId} value={record.call_id} />
        <Fact name={t.digest} value={record.args_digest} />
      </dl>
      {record.args != null && (
        <>
          <Text size="xs" c="dimmed" mt="xs" mb={4}>
            {t.args}
          </Text>
          <Code block>
            <UntrustedText text={JSON.stringify(record.args, null, 2)} />
          </Code>
        </>
      )}
    </section>
  );
}

function Fact({ name, value }: { name: string; value: string | null | undefined }) {
  if (value == null || value === "") return null;
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <UntrustedText text={value} />
      </dd>
    </>
  );
}
