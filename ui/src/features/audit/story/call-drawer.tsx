import { Alert, Button, Drawer, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ComponentType, type ReactNode, useEffect, useState } from "react";

import { asApiError } from "../../../api/error";
import { useEvents, useGateway } from "../../../api/gateway";
import { storyQuery } from "../../../api/queries";
import type { AuditRecord, AuditStory } from "../../../api/types";
import { Icon } from "../../../components/icons";
import { Failure, Loading } from "../../../components/states";
import { UntrustedText } from "../../../components/untrusted-text";
import { When } from "../../../components/when";
import { strings } from "../../../strings";
import { DecisionMark, statusWords } from "../marks";
import { StoryArguments } from "./arguments";
import { Bodies } from "./bodies";
import { type GrantLineOf, StoryGrants } from "./grants";
import { type Called, tell, type Told } from "./tell";
import { Timeline } from "./timeline";
import "../audit.css";

const t = strings.audit.story;

interface CallDrawerProps {
  /** A call's id or a record's number. */
  id: string | undefined;
  grantHref: (grant: string) => string;
  GrantLine: GrantLineOf;
  /** Draws why such a call is decided as it is. */
  Why: ComponentType<Called>;
  /** Offers what would have let a refused call through. */
  GrantThis: ComponentType<Called & { reason: string | undefined }>;
  onClose: () => void;
}

/** The whole story of one call, as the audit trail has it. */
export function CallDrawer({ id, onClose, ...rest }: CallDrawerProps) {
  return (
    <Drawer opened={id !== undefined} onClose={onClose} position="right" size="xl" title={id !== undefined && /^\d+$/.test(id) ? t.recordTitle(Number(id)) : t.title} closeButtonProps={{ "aria-label": strings.close }}>
      {id !== undefined && <Story key={id} id={id} {...rest} />}
    </Drawer>
  );
}

type StoryProps = Omit<CallDrawerProps, "id" | "onClose">;

function Story({ id, ...rest }: { id: string } & StoryProps) {
  const { client } = useGateway();
  const events = useEvents();
  const story = useQuery(storyQuery(client, id));
  const { refetch } = story;
  const question = story.data?.records.find((record) => record.approval != null)?.approval;
  // A call may wait for the answer to a question that an earlier one has raised.
  useEffect(() => events.onAudit((record) => (record.call_id === id || (record.approval != null && record.approval === question)) && void refetch()), [events, id, question, refetch]);
  if (story.isError) {
    const error = asApiError(story.error);
    return <Failure message={error.message} next={error.next} action={{ label: strings.retry, run: () => void refetch() }} />;
  }
  if (story.data === undefined) return <Loading label={strings.loading} />;
  return <Telling story={story.data} {...rest} />;
}

function Telling({ story, grantHref, GrantLine, Why, GrantThis }: { story: AuditStory } & StoryProps) {
  const told = tell(story.records);
  const [asked, setAsked] = useState(false);
  return (
    <Stack gap="sm" data-testid="call-story">
      {told.erased && (
        <Alert variant="light" icon={<Icon name="dash" />} title={t.erased} className="notice" data-tone="neutral" data-testid="story-erased">
          {t.erasedText}
        </Alert>
      )}
      {told.alone ? (
        <Alone record={told.alone} />
      ) : (
        <>
          <Facts told={told} />
          <Decision told={told}>
            <StoryGrants grants={story.grants} href={grantHref} Line={GrantLine} />
          </Decision>
          <Timeline told={told} />
          <StoryArguments told={told} />
          {told.bodies !== undefined && <Bodies call={told.bodies} />}
          {told.called && (
            <div className="story-actions">
              {told.decided?.decision === "deny" && <GrantThis {...told.called} reason={told.decided.reason ?? undefined} />}
              {!asked && (
                <Button size="xs" variant="default" leftSection={<Icon name="question" size={14} />} onClick={() => setAsked(true)} data-testid="call-why">
                  {strings.grants.why.button}
                </Button>
              )}
            </div>
          )}
          {told.called && asked && (
            <section className="card">
              <Why {...told.called} />
            </section>
          )}
        </>
      )}
      <Records records={story.records} />
    </Stack>
  );
}

function Facts({ told }: { told: Told }) {
  const { list } = strings.audit;
  return (
    <section className="card" aria-label={t.facts}>
      <div className="story-head">
        <code>
          <UntrustedText text={told.tool ?? strings.feed.unknownTool} />
        </code>
      </div>
      <dl className="facts">
        <Fact name={list.who} value={told.called?.caller.replace("/", " / ") ?? told.user ?? strings.feed.nobody} />
        <dt>{list.time}</dt>
        <dd>
          <When at={told.time} as="exact" />
        </dd>
        <Fact name={t.effectAsked} value={t.effects[told.effect ?? "none"] ?? told.effect} />
        <Fact name={t.face} value={told.face === undefined ? undefined : (t.faces[told.face] ?? told.face)} />
      </dl>
    </section>
  );
}

function Decision({ told: { decided }, children }: { told: Told; children: ReactNode }) {
  if (decided === undefined) return null;
  const { reason, policy_version: version } = decided;
  const words = reason == null ? undefined : strings.reasonWords(reason);
  return (
    <section className="card" aria-labelledby="story-decision" data-testid="story-decision">
      <h3 id="story-decision">{t.decision}</h3>
      <div className="story-decision">
        <DecisionMark decision={decided.decision ?? undefined} />
        {words !== undefined && (
          <span>
            <UntrustedText text={words} /> {words !== reason && <code className="dim">{reason}</code>}
          </span>
        )}
        {version != null && <span className="dim">{t.mapVersion(version)}</span>}
      </div>
      {children}
    </section>
  );
}

/** What is about no call: a change, a sign-in, a start. */
function Alone({ record }: { record: AuditRecord }) {
  const { list } = strings.audit;
  return (
    <section className="card">
      <h3>
        {list.kinds[record.kind] ?? record.kind} <span className="dim">{t.record(record.seq)}</span>
      </h3>
      <dl className="facts">
        <Fact name={list.what} value={record.status == null ? undefined : statusWords(record.status)} />
        <Fact name={t.detail} value={record.detail} />
        <Fact name={list.who} value={record.user} />
        <dt>{list.time}</dt>
        <dd>
          <When at={record.time} as="exact" />
        </dd>
        <Fact name={list.reason} value={record.reason == null ? undefined : strings.reasonWords(record.reason)} />
      </dl>
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

/** Everything that was recorded, as it is. */
function Records({ records }: { records: readonly AuditRecord[] }) {
  return (
    <details className="story-records">
      <summary data-testid="story-records">{t.records}</summary>
      {records.map((record) => (
        <pre key={record.seq} className="body-text">
          <UntrustedText text={JSON.stringify(record, null, 2)} limit={20_000} />
        </pre>
      ))}
    </details>
  );
}
