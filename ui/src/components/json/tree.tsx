import { UntrustedText } from "../untrusted-text";
import { strings } from "../../strings";
import type { Json } from "./json";
import { LongText } from "../long-text";

const t = strings.approvals.tree;
const MOST_ENTRIES = 100;
const DEEPEST = 8;

/** Any JSON as names and values. What is left out is said. */
export function Tree({ value, depth = 0 }: { value: Json; depth?: number }) {
  if (value.kind === "literal") return <code className="literal">{value.text}</code>;
  if (value.kind === "text") return <Leaf text={value.text} />;
  if (depth >= DEEPEST) return <span className="dim">{t.deeper}</span>;
  if (value.kind === "object") {
    if (value.entries.length === 0) return <span className="dim">{t.emptyObject}</span>;
    return (
      <dl className="tree">
        {value.entries.slice(0, MOST_ENTRIES).map(([name, inner], index) => (
          // oxlint-disable-next-line react/no-array-index-key -- the arguments of a call never change
          <div key={index} className="tree-row" data-nested={isNested(inner)}>
            <dt>
              <UntrustedText text={name} />
            </dt>
            <dd>
              <Tree value={inner} depth={depth + 1} />
            </dd>
          </div>
        ))}
        <More count={value.entries.length - MOST_ENTRIES} />
      </dl>
    );
  }
  if (value.items.length === 0) return <span className="dim">{t.emptyList}</span>;
  return (
    <ol className="tree-list">
      {value.items.slice(0, MOST_ENTRIES).map((inner, index) => (
        // oxlint-disable-next-line react/no-array-index-key -- the arguments of a call never change
        <li key={index}>
          <Tree value={inner} depth={depth + 1} />
        </li>
      ))}
      <More count={value.items.length - MOST_ENTRIES} />
    </ol>
  );
}

/** A text that could pass for a number, a word of JSON or nothing keeps its quotes. */
function Leaf({ text }: { text: string }) {
  if (text === "") return <span className="dim">{t.emptyText}</span>;
  const ambiguous = text.trim() !== text || /^(?:-?\d[\d.eE+-]*|true|false|null)$/.test(text);
  return ambiguous ? <LongText text={JSON.stringify(text)} /> : <LongText text={text} />;
}

function More({ count }: { count: number }) {
  return count > 0 ? <div className="dim">{t.more(count)}</div> : null;
}

function isNested(value: Json): boolean {
  return (value.kind === "object" && value.entries.length > 0) || (value.kind === "list" && value.items.some((item) => item.kind === "object"));
}
