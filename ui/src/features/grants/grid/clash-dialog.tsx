import { Button, Group, Radio, Stack, Text } from "@mantine/core";
import { useState } from "react";

import type { Grant } from "../../../api/types";
import { Dialog } from "../../../components/dialog";
import { Mark } from "../../../components/mark";
import { ToolName } from "../../../components/tool-name";
import { strings } from "../../../strings";
import { GrantLine } from "../change-list";
import { ChoiceMark } from "./review-dialog";
import { type Clash, type Edit, editKey } from "./staged";

const t = strings.grid.clash;

const keyOf = ({ edit }: Clash) => editKey(edit.subject, edit.tool);

interface ClashDialogProps {
  clashes: readonly Clash[];
  onClose: () => void;
  /** Which of the edits shall be made nevertheless. */
  onDecide: (mine: ReadonlySet<string>) => void;
}

/** Both versions of what two people changed at once, side by side. Nothing is lost until the person says so. */
export function ClashDialog({ clashes, onClose, onDecide }: ClashDialogProps) {
  const [mine, setMine] = useState<ReadonlySet<string>>(new Set());
  const choose = (key: string, wanted: boolean) => setMine((before) => new Set(wanted ? [...before, key] : [...before].filter((other) => other !== key)));
  return (
    <Dialog onClose={onClose} title={t.title} size="xl" closeOnClickOutside={false} closeButtonProps={{ "aria-label": strings.close }}>
      <Stack data-testid="grid-clash">
        <Text size="sm">{t.text}</Text>
        <Group gap="xs">
          <Button size="xs" variant="default" onClick={() => setMine(new Set(clashes.map(keyOf)))}>
            {t.allMine}
          </Button>
          <Button size="xs" variant="default" onClick={() => setMine(new Set())}>
            {t.allTheirs}
          </Button>
        </Group>
        <div className="panel table-scroll">
          <table className="plain-table pg-clashes">
            <thead>
              <tr>
                <th scope="col">{t.who}</th>
                <th scope="col">{t.now}</th>
                <th scope="col">{t.yours}</th>
              </tr>
            </thead>
            <tbody>
              {clashes.map((clash) => {
                const { edit, now } = clash;
                const key = keyOf(clash);
                const name = `${edit.subject} ${edit.tool}`;
                return (
                  <tr key={key}>
                    <th scope="row" className="wrap">
                      {edit.subject}
                      <div>
                        <ToolName id={edit.tool} />
                      </div>
                    </th>
                    <td data-chosen={!mine.has(key)}>
                      <Radio checked={!mine.has(key)} onChange={() => choose(key, false)} aria-label={t.keepTheirs(name)} name={key} label={<Theirs edit={edit} now={now} />} />
                    </td>
                    <td data-chosen={mine.has(key)}>
                      <Radio checked={mine.has(key)} onChange={() => choose(key, true)} aria-label={t.keepMine(name)} name={key} label={<Mine edit={edit} />} />
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            {t.back}
          </Button>
          <Button onClick={() => onDecide(mine)} data-testid="grid-clash-apply">
            {t.apply}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}

function Mine({ edit }: { edit: Edit }) {
  return (
    <>
      <ChoiceMark choice={edit.choice} />
      <div className="dim small">{edit.seen ? `${strings.grants[edit.seen.effect]}, ${t.version(edit.seen.version)} →` : `${t.notSet} →`}</div>
    </>
  );
}

function Theirs({ edit, now }: { edit: Edit; now: Grant | undefined }) {
  if (now === undefined) return <Mark tone="neutral" icon="dash" label={edit.seen ? t.removed : t.notSet} />;
  return (
    <>
      <GrantLine grant={now} />
      <div className="dim small">{t.version(now.version)}</div>
    </>
  );
}
