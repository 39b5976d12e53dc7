import { useQuery } from "@tanstack/react-query";

import { useGateway } from "../../../api/gateway";
import { auditStatusQuery } from "../../../api/queries";
import type { AuditStatus } from "../../../api/types";
import { Mark } from "../../../components/mark";
import { ago } from "../../../components/time";
import { useNow } from "../../../components/use-now";
import { strings } from "../../../strings";

const t = strings.audit.state;

/** In one line: whether records are written, when they are on disk, and who outside could tell. */
export function StateLine({ href }: { href: string }) {
  const { client } = useGateway();
  const status = useQuery(auditStatusQuery(client)).data;
  const now = useNow();
  if (status === undefined) return null;
  return (
    <div className="audit-line" role="group" aria-label={t.label} data-testid="audit-line">
      <WritableMark status={status} />
      <span className="dim audit-line-words">{t[status.durability]}</span>
      {status.checkpoint && <span className="dim nowrap">{t.checkpointShort(ago(status.checkpoint.signed_at, now))}</span>}
      <WitnessWord status={status} now={now} />
      <a href={href} className="nowrap" data-testid="audit-line-details">
        {t.details}
      </a>
    </div>
  );
}

export function WritableMark({ status }: { status: AuditStatus }) {
  return status.writable ? <Mark tone="allow" icon="check" label={t.writable} /> : <Mark tone="deny" icon="alert" label={t.notWritable} />;
}

function WitnessWord({ status: { witnesses }, now }: { status: AuditStatus; now: number }) {
  if (witnesses.length === 0) return <span className="dim nowrap">{t.noWitnessShort}</span>;
  if (witnesses.some((witness) => witness.error != null)) return <Mark tone="wait" icon="alert" label={t.witnessFailing} />;
  const last = witnesses.map((witness) => witness.taken_at ?? "").toSorted().at(-1);
  return <span className="dim nowrap">{last ? t.witnessShort(ago(last, now)) : t.witnessNever}</span>;
}
