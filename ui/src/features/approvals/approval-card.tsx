import { useQueryClient } from "@tanstack/react-query";
import { type ComponentType, useEffect, useRef, useState } from "react";

import { unwrap } from "../../api/client";
import { ApiError } from "../../api/error";
import { useGateway } from "../../api/gateway";
import { keys } from "../../api/queries";
import type { AnswerKind, Approval } from "../../api/types";
import { useAction } from "../../api/use-action";
import { useRole } from "../../api/use-role";
import { useServiceState } from "../../api/use-service-state";
import { Failure } from "../../components/states";
import { strings } from "../../strings";
import { AnswerBar } from "./answer-bar";
import { useAnswerKeys } from "./answer-keys";
import { ApprovalFacts, ApprovalHead } from "./approval-parts";
import { useIsOver } from "./use-is-over";

const t = strings.approvals;

/** The dialog that changes the permission map instead of answering once. */
export type AlwaysDialogOf = ComponentType<{ approval: string; onClose: () => void }>;

interface ApprovalCardProps {
  approval: Approval;
  ready: boolean;
  /** Keys answer this one. */
  selected: boolean;
  grantHref: (grant: string) => string;
  Always: AlwaysDialogOf;
  /** Somebody else was faster; the approval as it is now. */
  onBeaten: (approval: Approval) => void;
}

/** One held call: who, what, with which arguments, and the answers. */
export function ApprovalCard({ approval, ready, selected, grantHref, Always, onBeaten }: ApprovalCardProps) {
  const { client } = useGateway();
  const queries = useQueryClient();
  const stopped = useServiceState() === "stopped";
  const over = useIsOver(approval.expires_at);
  const role = useRole();
  const [asked, setAsked] = useState<AnswerKind>();
  const [choosing, setChoosing] = useState(false);
  const card = useRef<HTMLElement>(null);
  const titleId = `approval-${approval.id}`;

  const answer = useAction(async (kind: AnswerKind, note?: string) => {
    setAsked(kind);
    try {
      const body = { answer: kind, ...(note === undefined ? {} : { note }) };
      await unwrap(client.POST("/api/v1/approvals/{id}/answer", { params: { path: { id: approval.id } }, body }));
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "answered" || !isApproval(error.current)) throw error;
      onBeaten(error.current);
    } finally {
      setAsked(undefined);
      await queries.invalidateQueries({ queryKey: [keys.approvals] });
      void queries.invalidateQueries({ queryKey: [keys.status] });
    }
  });

  const mayAnswer = role !== "auditor";
  const isReady = mayAnswer && ready && !stopped && !over && !answer.pending && !choosing;
  const { picked } = useAnswerKeys({ ready: isReady, id: selected ? approval.id : undefined, onAnswer: (kind) => void answer.run(kind) });
  useEffect(() => {
    if (!selected || card.current?.contains(document.activeElement)) return;
    card.current?.focus({ preventScroll: true });
    card.current?.scrollIntoView({ block: "nearest" });
  }, [selected]);

  return (
    <article
      ref={card}
      tabIndex={-1}
      className="panel approval"
      aria-labelledby={titleId}
      aria-current={selected}
      data-testid="approval"
      data-approval={approval.id}
      data-selected={selected}
    >
      <ApprovalHead approval={approval} titleId={titleId} />
      <div className="approval-body">
        <ApprovalFacts approval={approval} />
        {approval.grants.length > 0 && (
          <p className="note dim">
            {t.grants}{" "}
            {approval.grants.map((grant) => (
              <a key={grant} href={grantHref(grant)}>
                <code>{grant}</code>
              </a>
            ))}
          </p>
        )}
        {answer.error && <Failure message={answer.error.message} next={answer.error.next} />}
      </div>
      {mayAnswer && (
        <AnswerBar
          label={t.open(approval.user, approval.tool)}
          ready={ready && !stopped && !over}
          picked={picked}
          pending={answer.pending ? asked : undefined}
          mayAlways={role === "admin"}
          onAnswer={(kind, note) => void answer.run(kind, note)}
          onAlways={() => setChoosing(true)}
        />
      )}
      {!mayAnswer && <p className="dim approval-foot">{t.readOnly}</p>}
      {choosing && <Always approval={approval.id} onClose={() => setChoosing(false)} />}
    </article>
  );
}

function isApproval(value: unknown): value is Approval {
  return typeof value === "object" && value !== null && "state" in value && "tool" in value;
}
