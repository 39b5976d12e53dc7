import { LongText } from "../../../components/long-text";
import { UntrustedText } from "../../../components/untrusted-text";
import { strings } from "../../../strings";
import { type Argument, argumentsOf, type Told } from "./tell";

const t = strings.audit.story;

/** What is known of the arguments: in clear, or no more than type and size. Never mistaken for one another. */
export function StoryArguments({ told }: { told: Told }) {
  const all = argumentsOf(told);
  const clear = all.filter(({ values }) => values !== undefined);
  const shapes = all.filter(({ values }) => values === undefined);
  return (
    <section className="card" aria-labelledby="story-arguments">
      <h3 id="story-arguments">{t.arguments}</h3>
      {all.length === 0 && <p className="dim note">{t.noArguments}</p>}
      <Part title={t.clear} rows={clear} />
      <Part title={t.shapes} rows={shapes} />
      {told.digest !== undefined && (
        <p className="dim small digest story-digest">
          {t.digest}: {told.digest}
        </p>
      )}
    </section>
  );
}

function Part({ title, rows }: { title: string; rows: readonly Argument[] }) {
  if (rows.length === 0) return null;
  return (
    <>
      <h4 className="part-title">{title}</h4>
      <dl className="facts">
        {rows.map(({ path, values, shape }) => (
          <div key={path} className="fact-row" data-testid="story-argument" data-clear={values !== undefined}>
            <dt>
              <UntrustedText text={path} />
            </dt>
            <dd>{values === undefined ? <code className="shape">{shape !== undefined && <UntrustedText text={shape} />}</code> : <Values values={values} />}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function Values({ values }: { values: readonly unknown[] }) {
  return (
    <ul className="clear-values">
      {values.map((value, index) => (
        // oxlint-disable-next-line react/no-array-index-key -- a value can stand twice, and a record never changes
        <li key={index}>
          <LongText text={typeof value === "string" ? value : JSON.stringify(value)} />
        </li>
      ))}
    </ul>
  );
}
