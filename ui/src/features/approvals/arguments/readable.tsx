import { Text } from "@mantine/core";
import type { ReactNode } from "react";

import { UntrustedText } from "../../../components/untrusted-text";
import { strings } from "../../../strings";
import { LongText } from "../../../components/long-text";
import { type ChangedLine, changedLines, type Command, type FileChange, type Mail, type Presented, sqlPieces } from "./present";
import { Tree } from "../../../components/json/tree";

const t = strings.approvals;
/** Lines that stay the same, shown around a change. */
const CONTEXT = 3;

/** Arguments as what they are: a mail, a file, a command, SQL, or names and values. */
export function Readable({ presented }: { presented: Presented }) {
  switch (presented.as) {
    case "mail":
      return (
        <Thing testId="approval-mail" others={presented.others}>
          <MailView mail={presented.mail} />
        </Thing>
      );
    case "file":
      return (
        <Thing testId="approval-file" others={presented.others}>
          <FileView file={presented.file} />
        </Thing>
      );
    case "command":
      return (
        <Thing testId="approval-command" others={presented.others}>
          <CommandView command={presented.command} />
        </Thing>
      );
    case "fields":
      return <Fields sql={presented.sql} others={presented.others} />;
    case "value":
      return <Tree value={presented.value} />;
  }
}

type Others = Extract<Presented, { others: unknown }>["others"];

/** In a frame, with every other argument below: nothing is left out for being unusual. */
function Thing({ testId, others, children }: { testId: string; others: Others; children: ReactNode }) {
  return (
    <div className="thing" data-testid={testId}>
      {children}
      {others.length > 0 && (
        <div className="thing-others">
          <Text size="xs" c="dimmed">
            {t.others}
          </Text>
          <Tree value={{ kind: "object", entries: others }} />
        </div>
      )}
    </div>
  );
}

function Fields({ sql, others }: { sql: readonly (readonly [name: string, text: string])[]; others: Others }) {
  return (
    <>
      {sql.map(([name, text]) => (
        <div key={name} className="sql" data-testid="approval-sql">
          <Text size="xs" c="dimmed">
            {t.sql} · <UntrustedText text={name} />
          </Text>
          <pre>
            <LongText text={text} as={Sql} />
          </pre>
        </div>
      ))}
      {sql.length + others.length === 0 && <span className="dim">{t.noArguments}</span>}
      {others.length > 0 && <Tree value={{ kind: "object", entries: others }} />}
    </>
  );
}

function FileView({ file }: { file: FileChange }) {
  return (
    <>
      <p className="file-path">
        <span className="dim">{file.content === undefined ? t.file.changes : t.file.writes}</span>{" "}
        <code>
          <LongText text={file.path} />
        </code>
      </p>
      {file.edits.map((edit, index) => (
        // oxlint-disable-next-line react/no-array-index-key -- the arguments of a call never change
        <Edit key={index} lines={changedLines(edit.before, edit.after)} />
      ))}
      {file.patch !== undefined && <Edit lines={patchLines(file.patch)} whole />}
      {file.content !== undefined && <pre>{file.content === "" ? <span className="dim">{t.file.empty}</span> : <LongText text={file.content} />}</pre>}
    </>
  );
}

const SIGNS = { same: " ", removed: "−", added: "+" } as const;
const TONES = { same: undefined, removed: "deny", added: "allow" } as const;

/** Lines with what goes and what comes; each says so in words, too. */
function Edit({ lines, whole = false }: { lines: readonly ChangedLine[]; whole?: boolean }) {
  const changed = lines.findIndex((line) => line.kind !== "same");
  const last = lines.findLastIndex((line) => line.kind !== "same");
  const [from, to] = whole || changed < 0 ? [0, lines.length] : [Math.max(0, changed - CONTEXT), last + CONTEXT + 1];
  return (
    <pre className="edit" data-testid="approval-edit">
      {from > 0 && <div className="dim">{t.file.same(from)}</div>}
      {lines.slice(from, to).map((line, index) => (
        // oxlint-disable-next-line react/no-array-index-key -- the arguments of a call never change
        <div key={index} data-tone={TONES[line.kind]} className="edit-line">
          <span aria-hidden="true">{SIGNS[line.kind]}</span>
          {line.kind !== "same" && <span className="visually-hidden">{t.file[line.kind]} </span>}
          <span className="edit-text">
            <LongText text={line.text} />
          </span>
        </div>
      ))}
      {to < lines.length && <div className="dim">{t.file.same(lines.length - to)}</div>}
    </pre>
  );
}

/** A patch says itself what its lines are; its headers name files and stay as they are. */
function patchLines(patch: string): ChangedLine[] {
  return patch.split("\n").map((text) => {
    if (/^(?:\+\+\+|---) /.test(text)) return { kind: "same", text };
    if (text.startsWith("+")) return { kind: "added", text: text.slice(1) };
    if (text.startsWith("-")) return { kind: "removed", text: text.slice(1) };
    return { kind: "same", text: text.replace(/^ /, "") };
  });
}

function CommandView({ command }: { command: Command }) {
  return (
    <>
      {command.line !== undefined && (
        <pre className="command-line">
          <span className="dim" aria-hidden="true">
            ${" "}
          </span>
          <LongText text={command.line} />
        </pre>
      )}
      {command.words !== undefined && (
        <ol className="argv command-words" aria-label={t.command.words}>
          {command.words.map((word, index) => (
            // oxlint-disable-next-line react/no-array-index-key -- a word can stand twice, and the list never changes
            <li key={index}>
              <code>{word === "" ? <span className="dim">{t.tree.emptyText}</span> : <LongText text={word} />}</code>
            </li>
          ))}
        </ol>
      )}
      {command.folder !== undefined && (
        <p className="file-path">
          <span className="dim">{t.command.folder}</span>{" "}
          <code>
            <UntrustedText text={command.folder} />
          </code>
        </p>
      )}
    </>
  );
}

function MailView({ mail }: { mail: Mail }) {
  const people = [
    [t.mail.from, mail.from],
    [t.mail.to, mail.to],
    [t.mail.cc, mail.cc],
    [t.mail.bcc, mail.bcc],
  ] as const;
  return (
    <>
      <dl className="facts">
        {people.map(
          ([label, addresses]) =>
            addresses.length > 0 && (
              <div key={label} className="fact-row">
                <dt>{label}</dt>
                <dd>
                  <ul className="addresses">
                    {addresses.map((address, index) => (
                      // oxlint-disable-next-line react/no-array-index-key -- an address can stand twice, and the list never changes
                      <li key={`${index} ${address}`}>
                        <UntrustedText text={address} />
                      </li>
                    ))}
                  </ul>
                </dd>
              </div>
            ),
        )}
        <div className="fact-row">
          <dt>{t.mail.subject}</dt>
          <dd className="mail-subject">{mail.subject ? <LongText text={mail.subject} /> : <span className="dim">{t.mail.noSubject}</span>}</dd>
        </div>
      </dl>
      <div className="mail-body">{mail.body ? <LongText text={mail.body} /> : <span className="dim">{t.mail.noBody}</span>}</div>
    </>
  );
}

function Sql({ text }: { text: string }) {
  return sqlPieces(text).map((piece) =>
    piece.keyword ? (
      <strong key={piece.at} className="keyword">
        {piece.text}
      </strong>
    ) : (
      <UntrustedText key={piece.at} text={piece.text} limit={Infinity} />
    ),
  );
}
