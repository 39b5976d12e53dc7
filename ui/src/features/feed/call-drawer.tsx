import { Button, Code, Drawer, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ComponentType, useEffect, useState } from "react";

import { unwrap } from "../../api/client";
import { asApiError } from "../../api/error";
import { useEvents, useGateway } from "../../api/gateway";
import type { AuditRecord } from "../../api/types";
import { Icon } from "../../components/icons";
import { Failure, Loading } from "../../components/states";
import { duration } from "../../components/time";
import { UntrustedText } from "../../components/untrusted-text";
import { strings } from "../../strings";
import { DecisionMark, StatusMark } from "./marks";

const t = strings.feed;

/** Who called what, as far as a call got. */
export interface Called {
  caller: string;
  tool: string;
}

interface CallDrawerProps {
  id: string | undefined;
  grantHref: (grant: string) => string;
  /** Draws why such a call is decided as it is. */
  Why: ComponentType<Called>;
  onClose: () => void;
}

/** The whole story of one call, as the audit trail has it. */
export function CallDrawer({ id, onClose, ...rest }: CallDrawerProps) {
  return (
    <Drawer opened={id !== undefined} onClose={onClose} position="right" size="lg" title={t.storyTitle} closeButtonProps={{ "aria-label": strings.close }}>
      {id !== undefined && <Story key={id} id={id} {...rest} />}
    </Drawer>
  );
}

function Story({ id, grantHref, Why }: { id: string } & Pick<CallDrawerProps, "grantHref" | "Why">) {
  const { client } = useGateway();
  const events = useEvents();
  const [asked, setAsked] = useState(false);
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
  const called = calledIn(story.data);
  return (
    <Stack data-testid="call-story">
      {called && !asked && (
        <Button size="xs" variant="default" w="fit-content" leftSection={<Icon name="question" size={14} />} onClick={() => setAsked(true)} data-testid="call-why">
          {strings.grants.why.button}
        </Button>
      )}
      {called && asked && <section className="card"><Why {...called} /></section>}
      {story.data.map((record) => (
        <RecordCard key={record.seq} record={record} grantHref={grantHref} />
      ))}
    </Stack>
  );
}

function calledIn(records: readonly AuditRecord[]): Called | undefined {
  const { user, agent, tool } = records.find((record) => record.user != null && record.tool != null) ?? {};
  if (user == null || tool == null) return undefined;
  return { caller: agent == null ? user : `${user}/${agent}`, tool };
}

function RecordCard({ record, grantHref }: { record: AuditRecord; grantHref: (grant: string) => string }) {
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
        <Fact name={t.reason} value={record.reason == null ? undefined : strings.reasonWords(record.reason)} />
        {record.reason != null && strings.reasonWords(record.reason) !== record.reason && <Fact name={t.reasonCode} value={record.reason} />}
        <Fact name={t.answeredBy} value={record.by} />
        <Fact name={t.approval} value={record.approval} />
        <Fact name={t.detail} value={record.detail} />
        <Fact name={t.duration} value={record.duration_ms == null ? undefined : duration(record.duration_ms)} />
        {(record.grants?.length ?? 0) > 0 && (
          <>
            <dt>{t.grants}</dt>
            <dd>
              {record.grants?.map((grant) => (
                <a key={grant} href={grantHref(grant)} className="grant-link">
                  {grant}
                </a>
              ))}
            </dd>
          </>
        )}
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
