import { Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type ComponentType, useState } from "react";

import { unwrap } from "../../api/client";
import { ApiError } from "../../api/error";
import { useGateway } from "../../api/gateway";
import { keys } from "../../api/queries";
import type { AnswerKind, Approval } from "../../api/types";
import { useAction } from "../../api/use-action";
import { useRole } from "../../api/use-role";
import { useServiceState } from "../../api/use-service-state";
import { CopyLine } from "../../components/copy-line";
import { Failure } from "../../components/states";
import { UntrustedText } from "../../components/untrusted-text";
import { strings } from "../../strings";
import { deedOf } from "../../strings/items";
import { AnswerBar } from "./answer-bar";
import { Arguments } from "./arguments/arguments";
import { Countdown } from "./countdown";
import { Differences } from "./differences";

const t = strings.approvals;

/** The dialog that changes the permission map instead of answering once. */
export type AlwaysDialogOf = ComponentType<{ approval: string; onClose: () => void }>;

interface ApprovalCardProps {
  approval: Approval;
  ready: boolean;
  grantHref: (grant: string) => string;
  Always: AlwaysDialogOf;
  /** Somebody else was faster; the approval as it is now. */
  onBeaten: (approval: Approval) => void;
}

/** One held call: who, what, with which arguments, and the answers. */
export function ApprovalCard({ approval, ready, grantHref, Always, onBeaten }: ApprovalCardProps) {
  const { client } = useGateway();
  const queries = useQueryClient();
  const stopped = useServiceState() === "stopped";
  const role = useRole();
  const [asked, setAsked] = useState<AnswerKind>();
  const [choosing, setChoosing] = useState(false);
  const { verb, name, of } = deedOf(approval.tool);
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

  return (
    <article className="panel approval" aria-labelledby={titleId} data-testid="approval" data-approval={approval.id}>
      <header className="approval-head">
        <h2 id={titleId}>
          <UntrustedText text={approval.agent == null ? approval.user : `${approval.user} / ${approval.agent}`} /> <span className="dim">{t.wants(verb)}</span>{" "}
          <code className="tool-name" title={name}>
            <UntrustedText text={name} />
          </code>
          {of !== undefined && (
            <>
              {" "}
              <span className="dim">{t.of(of)}</span>
            </>
          )}
        </h2>
        <Countdown approval={approval} />
      </header>
      <div className="approval-body">
        <p className="says">
          <span className="dim">{approval.description === "" ? t.noDescription : `${t.says}: `}</span>
          {approval.description !== "" && <UntrustedText text={approval.description} />}
        </p>
        <Arguments args={approval.args} digest={approval.args_digest} />
        <Differences differences={approval.differences ?? undefined} />
        {approval.sign_in != null && (
          <>
            <Text size="sm" data-tone="wait">
              {t.signIn}
            </Text>
            <CopyLine text={approval.sign_in} label={strings.accounts.linkLabel} testId="approval-sign-in" />
          </>
        )}
        {!approval.waiting && (
          <Text size="sm" c="dimmed">
            {t.off}
          </Text>
        )}
        {approval.grants.length > 0 && (
          <Text size="xs" c="dimmed">
            {t.grants}{" "}
            {approval.grants.map((grant) => (
              <a key={grant} href={grantHref(grant)}>
                <code>{grant}</code>
              </a>
            ))}
          </Text>
        )}
        {answer.error && <Failure message={answer.error.message} next={answer.error.next} />}
      </div>
      {role !== "auditor" && (
        <AnswerBar
          label={t.open(approval.user, approval.tool)}
          ready={ready && !stopped}
          pending={answer.pending ? asked : undefined}
          mayAlways={role === "admin"}
          onAnswer={(kind, note) => void answer.run(kind, note)}
          onAlways={() => setChoosing(true)}
        />
      )}
      {role === "auditor" && <p className="dim approval-foot">{t.readOnly}</p>}
      {choosing && <Always approval={approval.id} onClose={() => setChoosing(false)} />}
    </article>
  );
}

function isApproval(value: unknown): value is Approval {
  return typeof value === "object" && value !== null && "state" in value && "tool" in value;
}
