import { useQuery } from "@tanstack/react-query";

import { useGateway } from "../../../api/gateway";
import { egressQuery } from "../../../api/queries";
import type { EgressEntry } from "../../../api/types";
import { Icon } from "../../../components/icons";
import { Mark } from "../../../components/mark";
import { size } from "../../../components/size";
import { Empty, Unread } from "../../../components/states";
import { dayAndTime, dayOrTime, exactInstant } from "../../../components/time";
import { UntrustedText } from "../../../components/untrusted-text";
import { useNow } from "../../../components/use-now";
import { Ago } from "../../../components/when";
import { strings } from "../../../strings";
import { Section } from "../../../components/section";

const t = strings.settings.egress;

/** Every outgoing connection, and to whom it belongs. */
export function EgressSection({ connectionHref }: { connectionHref: (name: string) => string }) {
  const { client } = useGateway();
  const egress = useQuery(egressQuery(client));
  const now = useNow();
  if (egress.data === undefined) return <Unread of={egress} />;
  const { entries, programs, since, dropped } = egress.data;
  return (
    <>
      <Section title={t.title} text={t.text(dayAndTime(since))}>
        {dropped > 0 && <p className="note dim">{t.dropped(dropped)}</p>}
        {entries.length === 0 ? (
          <Empty icon="shield" title={t.noneTitle} text={t.noneText} />
        ) : (
          <div className="table-scroll">
            <table className="plain-table egress-table">
              <thead>
                <tr>
                  <th scope="col">{t.owner}</th>
                  <th scope="col">{t.to}</th>
                  <th scope="col">{t.times}</th>
                  <th scope="col" className="number">
                    {t.opened}
                  </th>
                  <th scope="col" className="number">
                    {t.bytes}
                  </th>
                </tr>
              </thead>
              <tbody>
                {entries.map((entry) => (
                  <Line key={[entry.kind, entry.name, entry.protocol, entry.host, entry.port, entry.address].join(" ")} entry={entry} now={now} href={connectionHref} />
                ))}
              </tbody>
            </table>
          </div>
        )}
        <p className="note dim">{t.names}</p>
      </Section>
      <Section title={t.programs} text={t.programsText}>
        {programs.length === 0 ? (
          <p className="note">{t.noPrograms}</p>
        ) : (
          <ul className="health-list egress-programs">
            {programs.map(({ connection, command, running }) => (
              <li key={connection} data-testid={`egress-program-${connection}`}>
                <span>
                  <a href={connectionHref(connection)}>{connection}</a>{" "}
                  <code className="dim">
                    <UntrustedText text={command} />
                  </code>
                </span>
                <Mark tone={running ? "wait" : "neutral"} icon={running ? "eye" : "dash"} label={running ? t.notSeen : t.notRunning} />
              </li>
            ))}
          </ul>
        )}
      </Section>
    </>
  );
}

function Line({ entry, now, href }: { entry: EgressEntry; now: number; href: (name: string) => string }) {
  const { kind, name, host, port, address, protocol, first, last, opened, failed, open, sent, received, error } = entry;
  const connection = name != null && (kind === "connection" || kind === "sign_in" || kind === "doctor");
  return (
    <tr data-testid="egress-line" data-kind={kind}>
      <th scope="row">
        {connection ? <a href={href(name)}>{name}</a> : (name ?? t.kinds[kind])}
        {name != null && <div className="dim small">{t.kinds[kind]}</div>}
      </th>
      <td>
        <code>
          <UntrustedText text={host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`} />
        </code>
        {address != null && address !== host && <div className="dim small">{address}</div>}
        {protocol === "udp" && <div className="dim small">UDP</div>}
        {error != null && (
          <div className="small egress-error" data-tone="deny">
            <Icon name="alert" size={13} /> <UntrustedText text={error} />
          </div>
        )}
      </td>
      <td>
        <Ago at={last} now={now} />
        <div className="dim small" title={exactInstant(first)}>
          {t.first(dayOrTime(first, now))}
        </div>
      </td>
      <td className="number">
        {opened.toLocaleString("en")}
        {open > 0 && <div className="small" data-tone="allow">{t.open(open)}</div>}
        {failed > 0 && <div className="small dim">{t.failed(failed)}</div>}
      </td>
      <td className="number">
        <span title={t.sent}>↑ {size(sent)}</span>
        <div title={t.received}>↓ {size(received)}</div>
      </td>
    </tr>
  );
}
