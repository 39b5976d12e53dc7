import { Button, SegmentedControl, TextInput, Tooltip } from "@mantine/core";
import { useState } from "react";

import type { Grant } from "../../api/types";
import { useIsAdmin } from "../../api/use-role";
import { useServiceState } from "../../api/use-service-state";
import { Icon } from "../../components/icons";
import { Mark } from "../../components/mark";
import { Empty, Failure } from "../../components/states";
import { ToolName } from "../../components/tool-name";
import { usePaging } from "../../components/use-paging";
import { strings } from "../../strings";
import { EffectMark, Limits } from "./grant-marks";
import { useGrantDialogs } from "./use-grant-dialogs";

const t = strings.grants.list;
const STEP = 100;
const MOST_NAMED = 20;

type Only = "all" | "when" | "new";

interface GrantListProps {
  grants: readonly Grant[];
  /** Only this one, where a link points at it. */
  only: string | undefined;
  onAll: () => void;
}

/** Every grant with all that it says. */
export function GrantList({ grants, only, onAll }: GrantListProps) {
  const mayChange = useIsAdmin();
  const stopped = useServiceState() === "stopped";
  const { open, remove, dialogs } = useGrantDialogs();
  const [find, setFind] = useState("");
  const [kind, setKind] = useState<Only>("all");
  const [now] = useState(() => Date.now());
  const wanted = find.trim().toLowerCase();
  const matching = grants.filter((grant) => {
    if (only !== undefined) return grant.id === only;
    if (kind === "when" && grant.when == null) return false;
    if (kind === "new" && (grant.new_tools ?? []).length === 0) return false;
    return wanted === "" || [grant.subject, grant.tool, grant.when, grant.id].some((text) => text?.toLowerCase().includes(wanted));
  });
  const sorted = matching.toSorted((a, b) => a.subject.localeCompare(b.subject) || a.tool.localeCompare(b.tool));
  const { shown, left, more } = usePaging(sorted, STEP);

  return (
    <>
      <div className="toolbar">
        {only === undefined ? (
          <>
            <TextInput size="xs" w={300} aria-label={t.filter} placeholder={t.filter} value={find} onChange={(event) => setFind(event.currentTarget.value)} data-testid="grants-find" />
            <SegmentedControl
              size="xs"
              aria-label={t.only}
              value={kind}
              onChange={(value) => setKind(value === "when" || value === "new" ? value : "all")}
              data={[
                { value: "all", label: t.all },
                { value: "when", label: t.withCondition },
                { value: "new", label: t.withNewTools },
              ]}
            />
          </>
        ) : (
          <Button size="xs" variant="default" onClick={onAll}>
            {t.showAll}
          </Button>
        )}
        {mayChange && (
          <Button size="xs" className="push" leftSection={<Icon name="add" size={14} />} disabled={stopped} onClick={() => open({})} data-testid="grant-add">
            {t.add}
          </Button>
        )}
      </div>
      {only !== undefined && sorted.length === 0 && <Failure message={t.gone} next="" />}
      {grants.length === 0 && (
        <div className="panel">
          <Empty icon="key" title={t.emptyTitle} text={t.emptyText} />
        </div>
      )}
      {grants.length > 0 && only === undefined && sorted.length === 0 && <p className="dim note">{t.noMatch}</p>}
      {shown.length > 0 && (
        <div className="panel table-scroll">
          <table className="plain-table grant-list">
            <thead>
              <tr>
                <th scope="col">{t.subject}</th>
                <th scope="col">{t.tool}</th>
                <th scope="col">{t.effect}</th>
                <th scope="col">{t.when}</th>
                <th scope="col">{t.limits}</th>
                <th scope="col">{t.covers}</th>
                {mayChange && <th scope="col"><span className="visually-hidden">{t.actions}</span></th>}
              </tr>
            </thead>
            <tbody>
              {shown.map((grant) => (
                <tr key={grant.id} data-testid={`grant-${grant.id}`}>
                  <th scope="row" className="wrap">
                    {/* Denials and the trail name a grant by its id. */}
                    {grant.subject} <span className="dim">{grant.id}</span>
                  </th>
                  <td>
                    <ToolName id={grant.tool} />
                  </td>
                  <td>
                    <EffectMark effect={grant.effect} />
                  </td>
                  <td className={grant.when == null ? undefined : "when-cell"}>{grant.when == null ? <span className="dim">{t.anyTime}</span> : <code className="when">{grant.when}</code>}</td>
                  <td className="limits-cell">
                    <Limits grant={grant} now={now} />
                  </td>
                  <td>
                    <Covers grant={grant} />
                  </td>
                  {mayChange && (
                    <td className="end nowrap">
                      <Button size="compact-xs" variant="subtle" disabled={stopped} onClick={() => open({ grant })} aria-label={t.editNamed(grant.subject, grant.tool)} data-testid={`edit-${grant.id}`}>
                        {t.edit}
                      </Button>
                      <Button size="compact-xs" variant="subtle" color="red" className="danger" disabled={stopped} onClick={() => remove(grant)} data-testid={`remove-${grant.id}`}>
                        {t.remove}
                      </Button>
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {left > 0 && (
        <Button size="xs" variant="default" w="fit-content" onClick={more}>
          {strings.grants.more(left)}
        </Button>
      )}
      {dialogs}
    </>
  );
}

function Covers({ grant }: { grant: Grant }) {
  const added = grant.new_tools ?? [];
  return (
    <>
      <span className="dim nowrap">{t.coversCount(grant.covers ?? 0, grant.tool)}</span>
      {added.length > 0 && (
        <Tooltip label={strings.grants.newToolsNote(added.slice(0, MOST_NAMED))} multiline maw={420} withArrow events={{ hover: true, focus: true, touch: true }}>
          {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what is new is in the tooltip */}
          <div tabIndex={0}>
            <Mark tone="wait" icon="alert" label={strings.grants.newTools(added.length)} />
          </div>
        </Tooltip>
      )}
    </>
  );
}
