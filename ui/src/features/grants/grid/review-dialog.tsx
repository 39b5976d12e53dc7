import { Button, Group, Stack } from "@mantine/core";

import type { ApiError } from "../../../api/error";
import { Dialog } from "../../../components/dialog";
import { Mark } from "../../../components/mark";
import { Failure, Loading } from "../../../components/states";
import { ToolName } from "../../../components/tool-name";
import { usePaging } from "../../../components/use-paging";
import { strings } from "../../../strings";
import { EffectMark } from "../grant-marks";
import { Outcome } from "../simulation-panel";
import type { Choice, Staged } from "./staged";
import { changesNothing, type Simulated } from "./use-simulation";

const t = strings.grid.review;
const STEP = 50;

interface ReviewDialogProps {
  edits: Staged;
  simulated: Simulated;
  pending: boolean;
  disabled: boolean;
  error: ApiError | undefined;
  onApply: () => void;
  onClose: () => void;
}

/** All that is about to be applied, and which past calls would have come out otherwise. */
export function ReviewDialog({ edits, simulated, pending, disabled, error, onApply, onClose }: ReviewDialogProps) {
  const { shown, left, more } = usePaging([...edits.values()], STEP);
  const waits = simulated.simulation === undefined && !simulated.failed;
  return (
    <Dialog onClose={onClose} title={t.title(edits.size)} size="xl" closeButtonProps={{ "aria-label": strings.close }}>
      <Stack data-testid="grid-review-dialog">
        <div className="panel table-scroll pg-review">
          <table className="plain-table">
            <thead>
              <tr>
                <th scope="col">{t.who}</th>
                <th scope="col">{t.tool}</th>
                <th scope="col">{t.change}</th>
              </tr>
            </thead>
            <tbody>
              {shown.map(({ subject, tool, choice, seen }) => (
                <tr key={`${subject} ${tool}`}>
                  <th scope="row" className="wrap">
                    {subject}
                  </th>
                  <td>
                    <ToolName id={tool} />
                  </td>
                  <td className="nowrap">
                    <ChoiceMark choice={seen?.effect ?? "none"} /> → <ChoiceMark choice={choice} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
        {left > 0 && (
          <Button size="xs" variant="default" w="fit-content" onClick={more}>
            {t.more(left)}
          </Button>
        )}
        <section className="simulation" aria-label={t.past}>
          <h3>{t.past}</h3>
          <div role="status">
            {waits && <Loading label={t.waiting} />}
            {simulated.failed && <p className="note">{strings.grid.apply.notSimulated}</p>}
            {simulated.simulation && <Outcome simulation={simulated.simulation} />}
          </div>
        </section>
        {error && <Failure message={error.message} next={error.next} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            {strings.cancel}
          </Button>
          <Button loading={pending} disabled={disabled || waits} onClick={onApply} data-testid="grid-review-apply">
            {waits || changesNothing(simulated) ? t.apply : t.anyway}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}

export function ChoiceMark({ choice }: { choice: Choice }) {
  return choice === "none" ? <Mark tone="neutral" icon="dash" label={t.nothing} /> : <EffectMark effect={choice} />;
}
