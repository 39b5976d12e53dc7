import { ActionIcon, Button, Modal } from "@mantine/core";

import { Icon, type IconName } from "../../../components/icons";
import { strings } from "../../../strings";
import type { Choice } from "./staged";

const t = strings.grid;
const CHOICES: { choice: Choice; icon: IconName; key: string }[] = [
  { choice: "allow", icon: "check", key: "A" },
  { choice: "ask", icon: "hand", key: "K" },
  { choice: "deny", icon: "cross", key: "D" },
  { choice: "none", icon: "dash", key: "⌫" },
];

const SIGNS: { icon: IconName; sign: keyof Omit<typeof t.signs, "title"> }[] = [
  { icon: "filter", sign: "pattern" },
  { icon: "people", sign: "team" },
  { icon: "question", sign: "when" },
  { icon: "clock", sign: "limited" },
  { icon: "alert", sign: "fresh" },
];

interface SelectionBarProps {
  /** What is selected, in words. */
  what: string;
  note: string | undefined;
  editable: boolean;
  /** Whether there is a cell to be changed. */
  cells: boolean;
  showsKeys: boolean;
  onChoose: (choice: Choice) => void;
  onDetails: () => void;
  onKeys: (shown: boolean) => void;
}

/** What is selected and what can be done with it, each with its key: the legend of the grid. */
export function SelectionBar({ what, note, editable, cells, showsKeys, onChoose, onDetails, onKeys }: SelectionBarProps) {
  return (
    <div className="pg-bar" role="toolbar" aria-label={t.bar.label}>
      <span className="pg-bar-what" role="status">
        {note === undefined ? <span className="dim">{what}</span> : <span data-tone="wait">{note}</span>}
      </span>
      {editable ? (
        CHOICES.map(({ choice, icon, key }) => (
          <Button
            key={choice}
            size="compact-xs"
            variant="default"
            className="tone-button"
            data-tone={choice}
            disabled={!cells}
            leftSection={<Icon name={icon} size={12} />}
            rightSection={<kbd>{key}</kbd>}
            onClick={() => onChoose(choice)}
            data-testid={`grid-${choice}`}
          >
            {t.bar[choice]}
          </Button>
        ))
      ) : (
        <span className="dim">{t.bar.readOnly}</span>
      )}
      {editable && (
        <Button size="compact-xs" variant="default" disabled={!cells} rightSection={<kbd>E</kbd>} onClick={onDetails} data-testid="grid-details">
          {t.bar.details}
        </Button>
      )}
      <ActionIcon variant="default" size={22} aria-label={t.bar.keys} title={t.bar.keys} onClick={() => onKeys(true)} data-testid="grid-keys">
        <Icon name="question" size={13} />
      </ActionIcon>
      <Modal opened={showsKeys} onClose={() => onKeys(false)} title={t.keys.title} size="lg" closeButtonProps={{ "aria-label": strings.close }}>
        <dl className="facts pg-keys">
          {t.keys.list.map(([keys, meaning]) => (
            <div key={keys}>
              <dt>
                <kbd>{keys}</kbd>
              </dt>
              <dd>{meaning}</dd>
            </div>
          ))}
        </dl>
        <h3 className="part-title">{t.signs.title}</h3>
        <ul className="pg-signs">
          {SIGNS.map(({ icon, sign }) => (
            <li key={sign}>
              <Icon name={icon} size={12} /> {t.signs[sign]}
            </li>
          ))}
        </ul>
      </Modal>
    </div>
  );
}
