import type { Difference } from "../../api/types";
import { UntrustedText } from "../../components/untrusted-text";
import { strings } from "../../strings";
import { LongText } from "../../components/long-text";

const t = strings.approvals;

/** What changed since the last call that a person approved: the part that is worth reading twice. */
export function Differences({ differences }: { differences: readonly Difference[] | undefined }) {
  if (differences === undefined) return <p className="dim note">{t.firstTime}</p>;
  if (differences.length === 0) return <p className="dim note">{t.noDifferences}</p>;
  return (
    <section className="differences" data-testid="approval-differences">
      <h3>{t.differences}</h3>
      <table className="plain-table">
        <thead>
          <tr>
            <th scope="col">{t.path}</th>
            <th scope="col">{t.before}</th>
            <th scope="col">{t.after}</th>
          </tr>
        </thead>
        <tbody>
          {differences.map((difference) => (
            <tr key={difference.path}>
              <th scope="row">
                <code>
                  <UntrustedText text={difference.path} />
                </code>
              </th>
              <td>
                <Side text={difference.before} none={t.added} />
              </td>
              <td className="difference-after">
                <Side text={difference.after} none={t.removed} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Side({ text, none }: { text: string | null | undefined; none: string }) {
  if (text == null) return <span className="dim">({none})</span>;
  return (
    <code className="difference">
      <LongText text={text} />
    </code>
  );
}
