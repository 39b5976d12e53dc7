import { Button, Switch } from "@mantine/core";
import { useMemo, useState } from "react";

import { LongText } from "../../../components/long-text";
import { usePaging } from "../../../components/use-paging";
import { strings } from "../../../strings";
import { changedPart, compare, linesOf, type Row } from "./lines";

const t = strings.definition;
const STEP = 400;
/** Lines that did not change and are shown around those that did. */
const AROUND = 3;

/** Two definitions next to each other, all of it text; changed lines are marked by a sign and by colour. */
export function SideBySide({ before, after }: { before: string; after: string }) {
  const rows = useMemo(() => compare(linesOf(before), linesOf(after)), [before, after]);
  const near = useMemo(() => around(rows), [rows]);
  const [whole, setWhole] = useState(false);
  const wanted = whole ? rows.map((_, at) => at) : near;
  const { shown, left, more } = usePaging(wanted, STEP);
  return (
    <>
      <Switch size="xs" label={t.whole} checked={whole} onChange={(event) => setWhole(event.currentTarget.checked)} data-testid="definition-whole" />
      <div className="definition-scroll">
        <table className="definition-lines" data-testid="definition-lines">
          <thead>
            <tr>
              <th scope="col">{t.before}</th>
              <th scope="col">{t.after}</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((at, index) => {
              const row = rows[at];
              const skipped = at - ((shown[index - 1] ?? -1) + 1);
              return row === undefined ? null : <Line key={at} row={row} skipped={skipped} />;
            })}
            {left === 0 && <Skipped count={rows.length - ((shown.at(-1) ?? -1) + 1)} />}
          </tbody>
        </table>
      </div>
      {left > 0 && (
        <Button size="xs" variant="default" w="fit-content" onClick={more}>
          {t.more(left)}
        </Button>
      )}
    </>
  );
}

/** The rows that changed and a few around them. */
function around(rows: readonly Row[]): number[] {
  const changed = rows.flatMap((row, at) => (row.before === row.after ? [] : [at]));
  const near = new Set(changed.flatMap((at) => Array.from({ length: 2 * AROUND + 1 }, (_, index) => at - AROUND + index)));
  return rows.flatMap((_, at) => (near.has(at) ? [at] : []));
}

function Line({ row, skipped }: { row: Row; skipped: number }) {
  const same = row.before === row.after;
  return (
    <>
      <Skipped count={skipped} />
      <tr data-changed={!same}>
        <td data-tone={same || row.before === undefined ? undefined : "deny"}>{row.before !== undefined && <Side mark={same ? " " : "−"} label={same ? undefined : t.removed} text={row.before} other={same ? undefined : row.after} />}</td>
        <td data-tone={same || row.after === undefined ? undefined : "allow"}>{row.after !== undefined && <Side mark={same ? " " : "+"} label={same ? undefined : t.added} text={row.after} other={same ? undefined : row.before} />}</td>
      </tr>
    </>
  );
}

function Skipped({ count }: { count: number }) {
  if (count <= 0) return null;
  return (
    <tr>
      <td colSpan={2} className="dim small">
        {t.skipped(count)}
      </td>
    </tr>
  );
}

function Side({ mark, label, text, other }: { mark: string; label: string | undefined; text: string; other: string | undefined }) {
  const [head, changed, tail] = other === undefined ? [text, "", ""] : changedPart(text, other);
  return (
    <code>
      <span className="definition-mark" {...(label === undefined ? { "aria-hidden": true } : { role: "img", "aria-label": label })}>
        {mark}
      </span>
      <LongText text={head} />
      {changed !== "" && (
        <mark>
          <LongText text={changed} />
        </mark>
      )}
      {tail !== "" && <LongText text={tail} />}
    </code>
  );
}
