import { Button, Progress } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";

import { unwrap } from "../../../api/client";
import { useGateway } from "../../../api/gateway";
import { verificationQuery } from "../../../api/queries";
import type { AuditVerification, VerifiedTrail } from "../../../api/types";
import { useAction } from "../../../api/use-action";
import { useServiceState } from "../../../api/use-service-state";
import { Icon } from "../../../components/icons";
import { Mark } from "../../../components/mark";
import { capitalized, Failure } from "../../../components/states";
import { dayAndTime } from "../../../components/time";
import { UntrustedText } from "../../../components/untrusted-text";
import { strings } from "../../../strings";

const t = strings.audit.here;

/** The gateway checks the whole trail over its own database, and what came of it is explained. */
export function VerifyHere({ hasKey, witnessed }: { hasKey: boolean; witnessed: boolean }) {
  const { client } = useGateway();
  const queries = useQueryClient();
  const stopped = useServiceState() === "stopped";
  const { queryKey } = verificationQuery(client);
  const last = useQuery(verificationQuery(client)).data;
  const begin = useAction(async () => {
    queries.setQueryData(queryKey, await unwrap(client.POST("/api/v1/audit/verification")));
  });
  const running = last?.state === "running";
  return (
    <section className="panel padded settings-part" aria-labelledby="verify-here">
      <div className="verify-step">
        <h2 id="verify-here">{t.title}</h2>
        <Button size="xs" leftSection={<Icon name="shield" size={14} />} loading={begin.pending || running} disabled={!hasKey || stopped} onClick={() => void begin.run()} data-testid="verify-here">
          {last?.state === "none" || last === undefined ? t.button : t.again}
        </Button>
      </div>
      <p className="note dim">{t.text}</p>
      {begin.error && <Failure message={begin.error.message} next={begin.error.next} />}
      <div role="status" data-testid="verify-result" data-state={last?.state}>
        {last && <Result last={last} witnessed={witnessed} />}
      </div>
    </section>
  );
}

function Result({ last, witnessed }: { last: AuditVerification; witnessed: boolean }) {
  if (last.state === "none") return null;
  if (last.state === "running") {
    return (
      <div className="verify-running">
        <Progress value={last.of === 0 ? 0 : (last.records / last.of) * 100} aria-label={t.title} />
        <span className="dim small">{t.running(last.records, last.of)}</span>
      </div>
    );
  }
  const when = last.finished_at == null ? "" : dayAndTime(last.finished_at);
  if (last.state !== "holds") {
    const words = t[last.state];
    return (
      <div className="verify-told">
        <Mark tone="deny" icon="alert" label={words.title} filled /> <span className="dim small">{when}</span>
        {last.problem != null && (
          <p className="note">
            <UntrustedText text={capitalized(last.problem)} />
          </p>
        )}
        <p className="note">{words.next}</p>
      </div>
    );
  }
  return (
    <div className="verify-told">
      <Mark tone="allow" icon="shield" label={t.holds.title} filled /> <span className="dim small">{when}</span>
      {last.report && <Told report={last.report} />}
      <h3>{t.cannot.title}</h3>
      <ul className="verify-list">
        <li>{witnessed ? t.cannot.witnessed : t.cannot.rewritten}</li>
        <li>{t.cannot.machine}</li>
        <li>{t.cannot.truth}</li>
      </ul>
    </div>
  );
}

function Told({ report }: { report: VerifiedTrail }) {
  const { holds } = t;
  const { first, last, records, checkpoints, words_erased: erased, removed_below: below, open_calls: open } = report;
  return (
    <ul className="verify-list">
      <li>{holds.records(records, first, last)}</li>
      <li>{holds.checkpoints(checkpoints)}</li>
      {below != null && <li>{holds.removed(below)}</li>}
      {erased > 0 && <li>{holds.erased(erased)}</li>}
      {open != null && open > 0 && <li>{holds.open(open)}</li>}
    </ul>
  );
}
