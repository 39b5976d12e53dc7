import { Button, SegmentedControl, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { useGateway } from "../../api/gateway";
import { sessionQuery, toolsQuery } from "../../api/queries";
import type { Tool } from "../../api/types";
import { useRole } from "../../api/use-role";
import { Empty, Unread } from "../../components/states";
import { usePaging } from "../../components/use-paging";
import { strings } from "../../strings";
import { ReviewDialog } from "./definition/review-dialog";
import { RecordingDialog } from "./recording-dialog";
import { ToolRow } from "./tool-row";
import { TOOL_KINDS, TOOL_SHOWS, type ToolKinds, type ToolShow } from "./parts";
import "./tools.css";

const t = strings.tools;
const STEP = 100;
const NEW_MS = 7 * 86_400_000;

/** Templates are shown among the resources that come of them. */
function kindOf({ kind = "tool" }: Pick<Tool, "kind">): ToolKinds {
  return kind === "template" ? "resource" : kind;
}

interface ToolFilter {
  find: string | undefined;
  show: ToolShow;
  kind: ToolKinds;
}

interface ToolsViewProps extends ToolFilter {
  onFilter: (filter: ToolFilter) => void;
}

/** What the connections offer, and what each tool does to the system behind it. A member sees what they may call. */
export function ToolsView({ find, show, kind, onFilter }: ToolsViewProps) {
  const { client } = useGateway();
  const role = useRole();
  const user = useQuery(sessionQuery(client)).data?.user;
  const tools = useQuery(toolsQuery(client, role === "member" ? user : undefined));
  const [now] = useState(() => Date.now());
  const isNew = (tool: Tool) => now - Date.parse(tool.first_seen_at ?? "") < NEW_MS;
  const isShown: Record<ToolShow, (tool: Tool) => boolean> = {
    all: () => true,
    new: isNew,
    ungranted: (tool) => tool.granted === false,
    unconfirmed: (tool) => tool.effect == null,
    changed: (tool) => tool.changed === true,
  };
  const wanted = find?.toLowerCase();
  const matching = (tools.data ?? [])
    .filter((tool) => isShown[show](tool) && (kind === "all" || kindOf(tool) === kind))
    .filter((tool) => wanted === undefined || tool.id.toLowerCase().includes(wanted) || tool.description.toLowerCase().includes(wanted))
    .toSorted((a, b) => TOOL_KINDS.indexOf(kindOf(a)) - TOOL_KINDS.indexOf(kindOf(b)) || a.id.localeCompare(b.id));

  const number = (of: ToolKinds) => matching.filter((tool) => kindOf(tool) === of).length;
  // Where there are only tools, there is nothing to choose.
  const mixed = kind !== "all" || (tools.data ?? []).some((tool) => kindOf(tool) !== "tool");

  return (
    <>
      <div className="page-head">
        <h1>{t.title}</h1>
        <span className="dim" role="status">
          {tools.data && t.count(number("tool"), number("prompt"), number("resource"))}
        </span>
      </div>
      <p className="dim note">
        {t.intro} {role !== "admin" && t.readOnly}
      </p>
      <div className="toolbar">
        <TextInput size="xs" w={240} aria-label={t.find} placeholder={t.find} value={find ?? ""} onChange={(event) => onFilter({ show, kind, find: event.currentTarget.value || undefined })} data-testid="tools-find" />
        {mixed && (
          <SegmentedControl
            size="xs"
            aria-label={t.kind}
            value={kind}
            onChange={(value) => onFilter({ find, show, kind: TOOL_KINDS.find((known) => known === value) ?? "all" })}
            data={TOOL_KINDS.map((value) => ({ value, label: t.kindsOf[value] }))}
            data-testid="tools-kind"
          />
        )}
        <SegmentedControl
          size="xs"
          aria-label={t.show}
          value={show}
          onChange={(value) => onFilter({ find, kind, show: TOOL_SHOWS.find((known) => known === value) ?? "all" })}
          data={TOOL_SHOWS.filter((value) => role !== "member" || (value !== "ungranted" && value !== "changed")).map((value) => ({ value, label: t.shows[value] }))}
        />
      </div>
      <Unread of={tools} />
      {tools.data?.length === 0 && (
        <div className="panel">
          <Empty icon="tool" title={t.emptyTitle} text={role === "member" ? t.memberEmptyText : t.emptyText} />
        </div>
      )}
      {tools.data && tools.data.length > 0 && matching.length === 0 && <p className="dim note">{t.noMatch}</p>}
      {matching.length > 0 && <ToolTable key={`${show} ${kind} ${find ?? ""}`} tools={matching} isNew={isNew} />}
    </>
  );
}

function ToolTable({ tools, isNew }: { tools: readonly Tool[]; isNew: (tool: Tool) => boolean }) {
  const role = useRole();
  const { shown, left, more } = usePaging(tools, STEP);
  const [recording, setRecording] = useState<string>();
  const [reviewed, setReviewed] = useState<string>();
  return (
    <>
      <div className="panel table-scroll">
        <table className="plain-table tool-table stack-table">
          <thead>
            <tr>
              <th scope="col">{t.tool}</th>
              <th scope="col">{t.effect}</th>
              <th scope="col">{t.firstSeen}</th>
              {role !== "member" && <th scope="col">{t.granted}</th>}
              <th scope="col">
                <span className="visually-hidden">{strings.recording.button}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((tool) => (
              <ToolRow key={tool.id} tool={tool} isNew={isNew(tool)} role={role} onRecording={setRecording} onReview={setReviewed} />
            ))}
          </tbody>
        </table>
      </div>
      {left > 0 && (
        <Button size="xs" variant="default" w="fit-content" onClick={more}>
          {t.more(left)}
        </Button>
      )}
      {reviewed !== undefined && <ReviewDialog tool={reviewed} onClose={() => setReviewed(undefined)} />}
      {recording !== undefined && <RecordingDialog tool={recording} onClose={() => setRecording(undefined)} />}
    </>
  );
}
