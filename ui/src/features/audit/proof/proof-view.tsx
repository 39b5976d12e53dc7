import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { useGateway } from "../../../api/gateway";
import { auditSettingsQuery, auditStatusQuery } from "../../../api/queries";
import type { AuditStatus, Witness } from "../../../api/types";
import { CopyLine } from "../../../components/copy-line";
import { Icon } from "../../../components/icons";
import { size } from "../../../components/size";
import { Unread } from "../../../components/states";
import { ago, exactInstant } from "../../../components/time";
import { UntrustedText } from "../../../components/untrusted-text";
import { useNow } from "../../../components/use-now";
import { Ago } from "../../../components/when";
import { strings } from "../../../strings";
import { verifyCommand } from "../export";
import { Alarm } from "./alarm";
import { WritableMark } from "./state-line";
import { VerifyHere } from "./verify-here";

const t = strings.audit.state;

/** Whether the trail is written, and what proves that it was not changed. */
export function ProofView({ onExport }: { onExport: () => void }) {
  const { client } = useGateway();
  const status = useQuery(auditStatusQuery(client));
  if (status.data === undefined) return <Unread of={status} />;
  return (
    <>
      {status.data.alarm && <Alarm alarm={status.data.alarm} />}
      {status.isError && <p className="note dim">{t.offline}</p>}
      <State status={status.data} />
      <VerifyHere hasKey={status.data.key != null} witnessed={status.data.witnesses.some((witness) => witness.size > 0)} />
      <Verify publicKey={status.data.key ?? undefined} onExport={onExport} />
    </>
  );
}

function State({ status }: { status: AuditStatus }) {
  const { client } = useGateway();
  const now = useNow();
  const wanted = useQuery(auditSettingsQuery(client)).data;
  const stricter = status.durability === "strict" && wanted !== undefined && wanted.durability !== "strict" && wanted.receipts !== true;
  const { checkpoint, head, first } = status;
  return (
    <section className="panel padded" aria-label={t.label} data-testid="audit-state">
      <dl className="facts state-facts">
        <Fact name={t.records}>
          <WritableMark status={status} /> <span className="dim">· {t.recordsOf(first, head)}</span>
          {!status.writable && <div data-tone="deny">{t.notWritableNext}</div>}
          {first > 1 && <div className="dim">{t.removed(first - 1)}</div>}
        </Fact>
        <Fact name={t.durability}>
          {t[status.durability]}
          {stricter && <div className="dim">{t.stricter}</div>}
        </Fact>
        <Fact name={t.checkpoint}>
          {checkpoint ? (
            <>
              <Ago at={checkpoint.signed_at} now={now} />, {t.checkpointOf(checkpoint.size)}
              {head > checkpoint.size && <span className="dim"> {t.behind(head - checkpoint.size)}</span>}
              <details className="story-records">
                <summary data-testid="audit-checkpoint">{t.note}</summary>
                <pre className="body-text">{checkpoint.note}</pre>
              </details>
            </>
          ) : (
            <span className="dim">{t.noCheckpoint}</span>
          )}
        </Fact>
        <Fact name={t.witnesses}>
          <Witnesses witnesses={status.witnesses} now={now} />
        </Fact>
        <Fact name={t.size}>{size(status.size)}</Fact>
      </dl>
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="fact-row">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Witnesses({ witnesses, now }: { witnesses: readonly Witness[]; now: number }) {
  if (witnesses.length === 0) {
    return (
      <div data-testid="audit-no-witness">
        {t.noWitness} <span className="dim">{t.noWitnessNext}</span>
      </div>
    );
  }
  return (
    <ul className="witnesses">
      {witnesses.map((witness) => (
        <li key={witness.place} data-testid="audit-witness">
          <code>
            <UntrustedText text={witness.place} />
          </code>{" "}
          <span className="dim" title={witness.taken_at == null ? undefined : exactInstant(witness.taken_at)}>
            {witness.taken_at == null ? t.witnessNever : t.witnessTook(witness.size, ago(witness.taken_at, now))}
          </span>
          {witness.error != null && (
            <div data-tone="wait" className="witness-error">
              <Icon name="alert" size={14} /> <UntrustedText text={witness.error} />
            </div>
          )}
        </li>
      ))}
    </ul>
  );
}

function Verify({ publicKey, onExport }: { publicKey: string | undefined; onExport: () => void }) {
  const words = strings.audit.verify;
  return (
    <section className="panel padded titled" aria-labelledby="verify-title">
      <h2 id="verify-title">{words.title}</h2>
      <p className="note">{words.text}</p>
      {publicKey === undefined ? (
        <p className="note dim">{words.noKey}</p>
      ) : (
        <>
          <div className="verify-step">
            <h3>{words.export}</h3>
            <Button size="xs" variant="default" leftSection={<Icon name="download" size={14} />} onClick={onExport} data-testid="verify-export">
              {strings.audit.export.open}
            </Button>
          </div>
          <h3>{words.verify}</h3>
          <CopyLine text={verifyCommand(publicKey)} label={words.verify} testId="verify-command" />
          <h3>{t.key}</h3>
          <CopyLine text={publicKey} label={t.key} testId="verify-key" />
          <p className="note dim">{words.keep}</p>
        </>
      )}
    </section>
  );
}
