import { ActionIcon, Button, CloseButton, TextInput } from "@mantine/core";
import type { KeyboardEvent, RefObject } from "react";

import { Icon } from "../../../components/icons";
import { strings } from "../../../strings";
import { SubjectSelect } from "../subject-select";

const t = strings.grid;

/** What of the grid is shown: in the address, so that it can be linked and found again. */
export interface GridFilter {
  subject: string | undefined;
  /** Part of a tool's id. */
  find: string | undefined;
  /** Part of a person's or team's name. */
  who: string | undefined;
}

interface GridToolbarProps {
  filter: GridFilter;
  counts: string;
  allOpen: boolean;
  fields: { tools: RefObject<HTMLInputElement | null>; people: RefObject<HTMLInputElement | null> };
  onFilter: (filter: GridFilter) => void;
  onOpenAll: () => void;
  /** Goes on in the grid. */
  onGrid: () => void;
}

export function GridToolbar({ filter, counts, allOpen, fields, onFilter, onOpenAll, onGrid }: GridToolbarProps) {
  const leave = (event: KeyboardEvent, clear: () => void) => {
    if (event.key === "Escape") clear();
    if (!["Escape", "Enter", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    onGrid();
  };
  const field = (what: "find" | "who", label: string, input: RefObject<HTMLInputElement | null>, testId: string) => (
    <TextInput
      ref={input}
      size="xs"
      w={190}
      aria-label={label}
      placeholder={label}
      leftSection={<Icon name="search" size={13} />}
      rightSection={filter[what] ? <CloseButton size="xs" aria-label={strings.close} onClick={() => onFilter({ ...filter, [what]: undefined })} /> : <kbd>{what === "find" ? "/" : "P"}</kbd>}
      value={filter[what] ?? ""}
      onChange={(event) => onFilter({ ...filter, [what]: event.currentTarget.value || undefined })}
      onKeyDown={(event) => leave(event, () => onFilter({ ...filter, [what]: undefined }))}
      data-testid={testId}
    />
  );
  return (
    <div className="toolbar pg-toolbar">
      {field("find", t.findTools, fields.tools, "grid-find-tools")}
      {field("who", t.findPeople, fields.people, "grid-find-people")}
      <div className="pg-only">
        <SubjectSelect placeholder={t.everybody} label={t.only} hideLabel size="xs" width={190} value={filter.subject} onChange={(subject) => onFilter({ ...filter, subject, who: undefined })} testId="grants-user" />
        {filter.subject !== undefined && (
          <ActionIcon variant="subtle" color="gray" size={24} aria-label={t.everybody} title={t.everybody} onClick={() => onFilter({ ...filter, subject: undefined })} data-testid="grid-everybody">
            <Icon name="cross" size={13} />
          </ActionIcon>
        )}
      </div>
      <Button size="xs" variant="subtle" color="gray" onClick={onOpenAll} data-testid="grid-open-all">
        {allOpen ? t.collapseAll : t.expandAll}
      </Button>
      <span className="dim small push">{counts}</span>
    </div>
  );
}
