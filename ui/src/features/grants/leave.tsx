import { Text } from "@mantine/core";

import { Confirm } from "../../components/dialogs";
import { strings } from "../../strings";

const t = strings.grid.leave;

/** Asks before edits that were not applied are lost. */
export function Leave({ count, onLeave, onStay }: { count: number; onLeave: () => void; onStay: () => void }) {
  return (
    <Confirm opened title={t.title(count)} confirm={t.leave} cancel={t.stay} pending={false} onConfirm={onLeave} onCancel={onStay}>
      <Text size="sm">{t.text}</Text>
    </Confirm>
  );
}
