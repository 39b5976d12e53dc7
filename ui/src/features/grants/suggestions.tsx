import { Button, Group, SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { useGateway } from "../../api/gateway";
import { suggestionsQuery } from "../../api/queries";
import type { Suggestion } from "../../api/types";
import { useIsAdmin } from "../../api/use-role";
import { Mark } from "../../components/mark";
import { Empty, Unread, capitalized } from "../../components/states";
import { usePaging } from "../../components/use-paging";
import { strings } from "../../strings";
import { ChangeDialog } from "./change-dialog";
import { GrantLine } from "./change-list";

const t = strings.grants.suggestions;
const PERIODS = [7, 30, 90];
const STEP = 50;

/** Grants that could go or be narrower, by what was called. */
export function Suggestions() {
  const { client } = useGateway();
  const mayChange = useIsAdmin();
  const [days, setDays] = useState(30);
  const suggestions = useQuery(suggestionsQuery(client, days));
  const { shown, left, more } = usePaging(suggestions.data ?? [], STEP);
  const [reviewing, setReviewing] = useState<Suggestion>();
  return (
    <>
      <Group justify="space-between">
        <p className="dim note">{t.intro(days)}</p>
        <SegmentedControl
          size="xs"
          aria-label={t.period}
          value={String(days)}
          onChange={(value) => setDays(Number(value))}
          data={PERIODS.map((value) => ({ value: String(value), label: t.days(value) }))}
        />
      </Group>
      <Unread of={suggestions} />
      {suggestions.data?.length === 0 && (
        <div className="panel">
          <Empty icon="check" title={t.none} text={t.noneText} />
        </div>
      )}
      <ul className="items">
        {shown.map((suggestion) => (
          <li key={`${suggestion.kind} ${suggestion.grant.id}`} className="panel suggestion" data-testid="suggestion">
            <Mark tone="wait" icon={suggestion.kind === "unused" ? "clock" : "question"} label={t.kinds[suggestion.kind] ?? suggestion.kind} />
            <div className="suggestion-text">
              <GrantLine grant={suggestion.grant} />
              <div>{capitalized(suggestion.reason)}</div>
            </div>
            {mayChange && (
              <Button size="xs" variant="default" onClick={() => setReviewing(suggestion)} data-testid="suggestion-review">
                {t.review}
              </Button>
            )}
          </li>
        ))}
      </ul>
      {left > 0 && (
        <Button size="xs" variant="default" w="fit-content" onClick={more}>
          {strings.grants.more(left)}
        </Button>
      )}
      {reviewing && (
        <ChangeDialog title={t.reviewTitle} change={reviewing.change} apply={strings.grants.change.apply} onClose={() => setReviewing(undefined)}>
          <p className="note">{capitalized(reviewing.reason)}</p>
        </ChangeDialog>
      )}
    </>
  );
}
