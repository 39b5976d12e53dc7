import { Alert, Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { useGateway } from "../../api/gateway";
import { approvalsQuery } from "../../api/queries";
import type { Approval } from "../../api/types";
import { useRole } from "../../api/use-role";
import { Icon } from "../../components/icons";
import { Empty, Unread } from "../../components/states";
import { usePaging } from "../../components/use-paging";
import { useSettled } from "../../components/use-settled";
import { strings } from "../../strings";
import { ApprovalCard, type AlwaysDialogOf } from "./approval-card";
import "./approvals.css";
import { History } from "./history";
import type { HistoryFilter } from "./history-filter";
import { Legend } from "./legend";
import { useCardKeys } from "./use-card-keys";

const t = strings.approvals;
/** A click within this time after the cards moved was meant for something else. */
const SETTLE_MS = 500;
const STEP = 10;

interface ApprovalsViewProps {
  /** The one that somebody came for. */
  open: string | undefined;
  filter: HistoryFilter;
  onFilter: (filter: HistoryFilter) => void;
  grantHref: (grant: string) => string;
  Always: AlwaysDialogOf;
}

export function ApprovalsView({ open: wanted, filter, onFilter, grantHref, Always }: ApprovalsViewProps) {
  const { client } = useGateway();
  const pending = useQuery(approvalsQuery(client, "pending"));
  const all = useQuery(approvalsQuery(client, "all"));
  // Oldest first: a new one appears below and moves nothing.
  const open = (pending.data ?? []).toSorted((a, b) => a.asked_at.localeCompare(b.asked_at));
  const at = open.findIndex((approval) => approval.id === wanted);
  const { shown, left, more } = usePaging(open, Math.max(STEP, at + 1));
  const [beaten, setBeaten] = useState<Approval>();
  const ready = useSettled([beaten?.id, ...shown.map((approval) => approval.id)].join(), SETTLE_MS);
  const mayAnswer = useRole() !== "auditor";
  const ids = shown.map((approval) => approval.id);
  const isThere = at >= 0;
  // Until another one is gone to, the one that was come for.
  const [gone, setGone] = useState<{ from: string | undefined; to: string }>();
  const selected = gone !== undefined && gone.from === wanted ? gone.to : wanted;
  const select = (id: string) => setGone({ from: wanted, to: id });
  useCardKeys(ids, selected, select);
  // Whoever comes for one that is over is told what became of it.
  const over = isThere ? undefined : all.data?.find((approval) => approval.id === wanted && approval.state !== "pending");
  const notice = beaten ?? over;
  const [dismissed, setDismissed] = useState<string>();

  return (
    <>
      <div className="page-head">
        <h1>{t.title}</h1>
        <span className="dim" role="status">
          {open.length > 0 && t.count(open.length)}
        </span>
      </div>
      <Unread of={pending} />
      {notice && notice.id !== dismissed && (
        <Alert
          variant="light"
          icon={<Icon name="alert" />}
          title={t.open(notice.user, notice.tool)}
          withCloseButton
          closeButtonLabel={strings.dismiss}
          onClose={() => {
            setBeaten(undefined);
            setDismissed(notice.id);
          }}
          className="notice"
          data-tone="wait"
          role="alert"
        >
          {notice.answered_by == null ? t.answeredElse(t.states[notice.state]) : t.answered(notice.answered_by, t.states[notice.state])}
        </Alert>
      )}
      {pending.data && open.length === 0 && (
        <div className="panel">
          <Empty icon="hand" title={t.emptyTitle} text={t.emptyText} />
        </div>
      )}
      {open.length > 0 && (
        <div className="approvals-intro">
          <p className="dim note">{t.intro}</p>
          {mayAnswer && <Legend />}
        </div>
      )}
      {shown.map((approval) => (
        <ApprovalCard
          key={approval.id}
          approval={approval}
          ready={ready}
          selected={approval.id === selected}
          grantHref={grantHref}
          Always={Always}
          onBeaten={setBeaten}
        />
      ))}
      {left > 0 && (
        <Button size="xs" variant="default" w="fit-content" onClick={more}>
          {t.more} ({left})
        </Button>
      )}
      <section className="titled" aria-labelledby="recent-title">
        <Unread of={all} />
        {all.data && <History approvals={all.data.filter((approval) => approval.state !== "pending")} filter={filter} onFilter={onFilter} />}
      </section>
    </>
  );
}
