import { Button } from "@mantine/core";

import type { Approval } from "../../api/types";
import { dayAndTime } from "../../components/time";
import { UntrustedText } from "../../components/untrusted-text";
import { usePaging } from "../../components/use-paging";
import { strings } from "../../strings";
import { Arguments } from "./arguments/arguments";
import { StateMark } from "./state-mark";

const t = strings.approvals;
const STEP = 20;

/** What was answered, newest first. */
export function Recent({ approvals }: { approvals: readonly Approval[] }) {
  const sorted = approvals.toSorted((a, b) => (b.answered_at ?? b.asked_at).localeCompare(a.answered_at ?? a.asked_at));
  const { shown, left, more } = usePaging(sorted, STEP);
  if (approvals.length === 0) return <p className="dim note">{t.noRecent}</p>;
  return (
    <>
      <ul className="items recent">
        {shown.map((approval) => (
          <li key={approval.id} className="panel" data-testid="recent-approval" data-state={approval.state}>
            <details>
              <summary className="item-head" aria-label={`${t.details}: ${t.open(approval.user, approval.tool)}`}>
                <StateMark state={approval.state} />
                <span className="item-name recent-tool" title={approval.tool}>
                  <code>
                    <UntrustedText text={approval.tool} />
                  </code>
                </span>
                <span className="item-what">
                  <UntrustedText text={approval.agent == null ? approval.user : `${approval.user} / ${approval.agent}`} />
                  {approval.note != null && (
                    <span className="dim">
                      {" "}
                      · <UntrustedText text={approval.note} />
                    </span>
                  )}
                </span>
                <span className="dim">{approval.answered_by ?? t.nobody}</span>
                <time className="dim" dateTime={approval.answered_at ?? approval.asked_at}>
                  {dayAndTime(approval.answered_at ?? approval.asked_at)}
                </time>
              </summary>
              <div className="item-body">
                <Arguments args={approval.args} digest={approval.args_digest} />
              </div>
            </details>
          </li>
        ))}
      </ul>
      {left > 0 && (
        <Button size="xs" variant="default" w="fit-content" onClick={more}>
          {t.more}
        </Button>
      )}
    </>
  );
}
