import { Button, NativeSelect, TextInput } from "@mantine/core";

import type { Approval } from "../../api/types";
import { Icon } from "../../components/icons";
import { UntrustedText } from "../../components/untrusted-text";
import { usePaging } from "../../components/use-paging";
import { When } from "../../components/when";
import { strings } from "../../strings";
import { Arguments } from "./arguments/arguments";
import { HISTORY_STATES, type HistoryFilter, matches } from "./history-filter";
import { StateMark } from "./state-mark";

const t = strings.approvals;
const STEP = 20;

interface HistoryProps {
  approvals: readonly Approval[];
  filter: HistoryFilter;
  onFilter: (filter: HistoryFilter) => void;
}

/** What was answered, newest first. */
export function History({ approvals, filter, onFilter }: HistoryProps) {
  const found = approvals.filter((approval) => matches(approval, filter));
  const sorted = found.toSorted((a, b) => (b.answered_at ?? b.asked_at).localeCompare(a.answered_at ?? a.asked_at));
  const { shown, left, more } = usePaging(sorted, STEP);
  const states = HISTORY_STATES.map((state) => ({ value: state, label: t.history[state] }));
  return (
    <>
      <div className="history-head">
        <h2 id="recent-title">{t.recent}</h2>
        <div className="history-filter" role="search">
          <NativeSelect
            size="xs"
            aria-label={t.history.state}
            data={[{ value: "", label: t.history.all }, ...states]}
            value={filter.state ?? ""}
            onChange={(event) => onFilter({ ...filter, state: HISTORY_STATES.find((state) => state === event.currentTarget.value) })}
            data-testid="history-state"
          />
          <TextInput
            size="xs"
            aria-label={t.history.find}
            placeholder={t.history.find}
            leftSection={<Icon name="search" size={13} />}
            value={filter.find ?? ""}
            onChange={(event) => onFilter({ ...filter, find: event.currentTarget.value === "" ? undefined : event.currentTarget.value })}
            data-testid="history-find"
          />
        </div>
      </div>
      {found.length === 0 && (
        <p className="dim note" data-testid="history-none">
          {approvals.length === 0 ? t.noRecent : t.history.none}
        </p>
      )}
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
                <span className="item-what recent-who">
                  <UntrustedText text={approval.agent == null ? approval.user : `${approval.user} / ${approval.agent}`} />
                  {approval.note != null && (
                    <span className="dim">
                      {" "}
                      · <UntrustedText text={approval.note} />
                    </span>
                  )}
                </span>
                <span className="dim recent-by">{approval.answered_by ?? t.nobody}</span>
                <span className="dim recent-time">
                  <When at={approval.answered_at ?? approval.asked_at} />
                </span>
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
