import { Alert, Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { asApiError } from "../../api/error";
import { useGateway } from "../../api/gateway";
import { approvalsQuery } from "../../api/queries";
import type { Approval } from "../../api/types";
import { Icon } from "../../components/icons";
import { Empty, Failure, Loading } from "../../components/states";
import { usePaging } from "../../components/use-paging";
import { useSettled } from "../../components/use-settled";
import { strings } from "../../strings";
import { ApprovalCard, type AlwaysDialogOf } from "./approval-card";
import { Recent } from "./recent";

const t = strings.approvals;
/** A click within this time after the cards moved was meant for something else. */
const SETTLE_MS = 500;
const STEP = 10;

interface ApprovalsViewProps {
  grantHref: (grant: string) => string;
  Always: AlwaysDialogOf;
}

export function ApprovalsView({ grantHref, Always }: ApprovalsViewProps) {
  const { client } = useGateway();
  const pending = useQuery(approvalsQuery(client, "pending"));
  const all = useQuery(approvalsQuery(client, "all"));
  // Oldest first: a new one appears below and moves nothing.
  const open = (pending.data ?? []).toSorted((a, b) => a.asked_at.localeCompare(b.asked_at));
  const { shown, left, more } = usePaging(open, STEP);
  const [beaten, setBeaten] = useState<Approval>();
  const ready = useSettled([beaten?.id, ...shown.map((approval) => approval.id)].join(), SETTLE_MS);

  return (
    <>
      <div className="page-head">
        <h1>{t.title}</h1>
        <span className="dim" role="status">
          {open.length > 0 && t.count(open.length)}
        </span>
      </div>
      {pending.isPending && <Loading label={strings.loading} />}
      {pending.isError && pending.data === undefined && (
        <Failure message={asApiError(pending.error).message} next={asApiError(pending.error).next} action={{ label: strings.retry, run: () => void pending.refetch() }} />
      )}
      {beaten && (
        <Alert
          variant="light"
          icon={<Icon name="alert" />}
          title={t.open(beaten.user, beaten.tool)}
          withCloseButton
          closeButtonLabel={strings.dismiss}
          onClose={() => setBeaten(undefined)}
          className="notice"
          data-tone="wait"
          role="alert"
        >
          {beaten.answered_by == null ? t.answeredElse(t.states[beaten.state]) : t.answered(beaten.answered_by, t.states[beaten.state])}
        </Alert>
      )}
      {pending.data && open.length === 0 && (
        <div className="panel">
          <Empty icon="hand" title={t.emptyTitle} text={t.emptyText} />
        </div>
      )}
      {open.length > 0 && <p className="dim note">{t.intro}</p>}
      {shown.map((approval) => (
        <ApprovalCard key={approval.id} approval={approval} ready={ready} grantHref={grantHref} Always={Always} onBeaten={setBeaten} />
      ))}
      {left > 0 && (
        <Button size="xs" variant="default" w="fit-content" onClick={more}>
          {t.more} ({left})
        </Button>
      )}
      <section className="titled" aria-labelledby="recent-title">
        <h2 id="recent-title">{t.recent}</h2>
        {all.isPending && <Loading label={strings.loading} />}
        {all.isError && all.data === undefined && (
          <Failure message={asApiError(all.error).message} next={asApiError(all.error).next} action={{ label: strings.retry, run: () => void all.refetch() }} />
        )}
        {all.data && <Recent approvals={all.data.filter((approval) => approval.state !== "pending")} />}
      </section>
    </>
  );
}
