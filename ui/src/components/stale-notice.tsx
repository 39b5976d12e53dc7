import { Alert, Button, Group } from "@mantine/core";

import { strings } from "../strings";
import { Icon } from "./icons";
import { type Versus, VersusTable } from "./versus";

const t = strings.stale;

interface StaleNoticeProps {
  rows: readonly Versus[];
  pending: boolean;
  onOverwrite: () => void;
  /** Drops what was typed for the row as it is now. */
  onTakeNow?: () => void;
}

/** One of a form's settings, as it is read. */
export interface Worded {
  name: string;
  words: string;
}

/** Of two states of the same settings, what differs. */
export function differing(mine: readonly Worded[], theirs: readonly Worded[]): Versus[] {
  return theirs.map(({ name, words }, index) => ({ name, mine: mine[index]?.words ?? "", theirs: words })).filter((row) => row.mine !== row.theirs);
}

/** Somebody changed the same row: both, and the person decides. The form stays as it is. */
export function StaleNotice({ rows, pending, onOverwrite, onTakeNow }: StaleNoticeProps) {
  return (
    <Alert variant="light" icon={<Icon name="alert" />} title={strings.conflict.title} className="notice" data-tone="wait" role="alert" data-testid="stale">
      <p className="note">{t.text}</p>
      <VersusTable rows={rows} mineLabel={t.yours} theirsLabel={t.now} />
      <Group mt="xs" gap="xs">
        {onTakeNow && (
          <Button size="xs" variant="default" onClick={onTakeNow} data-testid="stale-take">
            {t.takeNow}
          </Button>
        )}
        <Button size="xs" color="red.9" loading={pending} onClick={onOverwrite} data-testid="stale-overwrite">
          {t.saveOver}
        </Button>
      </Group>
    </Alert>
  );
}
