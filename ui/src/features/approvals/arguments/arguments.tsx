import { Button, Code, Group, Text } from "@mantine/core";
import { type ReactNode, useMemo, useState } from "react";

import { UntrustedText } from "../../../components/untrusted-text";
import { strings } from "../../../strings";
import { parseJson } from "../../../components/json/json";
import { LongText } from "../../../components/long-text";
import { type Mail, present, sqlPieces } from "./present";
import { Tree } from "../../../components/json/tree";

const t = strings.approvals;

/** The arguments of a call: as a person reads them, or exactly as they were sent. */
export function Arguments({ args, digest }: { args: string; digest: string }) {
  const [exact, setExact] = useState(false);
  const parsed = useMemo(() => parseJson(args), [args]);
  const presented = useMemo(() => parsed && present(parsed), [parsed]);
  return (
    <section className="arguments">
      <Group justify="space-between" gap="xs">
        <h3>{t.arguments}</h3>
        {presented && (
          <Button size="compact-xs" variant="subtle" aria-pressed={exact} onClick={() => setExact(!exact)} data-testid="approval-exact">
            {exact ? t.showReadable : t.showExact}
          </Button>
        )}
      </Group>
      {presented === undefined && (
        <Text size="xs" c="dimmed">
          {t.unreadable}
        </Text>
      )}
      {exact || presented === undefined ? (
        <>
          <Code block data-testid="approval-args">
            <LongText text={args} />
          </Code>
          <Text size="xs" c="dimmed" className="digest">
            {t.digest} {digest}
          </Text>
        </>
      ) : presented.as === "mail" ? (
        <MailView mail={presented.mail}>
          {presented.others.length > 0 && (
            <div className="mail-others">
              <Text size="xs" c="dimmed">
                {t.mail.others}
              </Text>
              <Tree value={{ kind: "object", entries: presented.others }} />
            </div>
          )}
        </MailView>
      ) : presented.as === "fields" ? (
        <>
          {presented.sql.map(([name, text]) => (
            <div key={name} className="sql" data-testid="approval-sql">
              <Text size="xs" c="dimmed">
                {t.sql} · <UntrustedText text={name} />
              </Text>
              <pre>
                <LongText text={text} as={Sql} />
              </pre>
            </div>
          ))}
          {presented.sql.length + presented.others.length === 0 && <span className="dim">{t.noArguments}</span>}
          {presented.others.length > 0 && <Tree value={{ kind: "object", entries: presented.others }} />}
        </>
      ) : (
        <Tree value={presented.value} />
      )}
    </section>
  );
}

function MailView({ mail, children }: { mail: Mail; children: ReactNode }) {
  const people = [
    [t.mail.from, mail.from],
    [t.mail.to, mail.to],
    [t.mail.cc, mail.cc],
    [t.mail.bcc, mail.bcc],
  ] as const;
  return (
    <div className="mail" data-testid="approval-mail">
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
      {children}
    </div>
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
