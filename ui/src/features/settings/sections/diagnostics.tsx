import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";

import { unwrap } from "../../../api/client";
import { asApiError } from "../../../api/error";
import { useGateway } from "../../../api/gateway";
import { connectionsQuery, doctorQuery } from "../../../api/queries";
import type { Check } from "../../../api/types";
import { useAction } from "../../../api/use-action";
import { useIsAdmin } from "../../../api/use-role";
import { useServiceState } from "../../../api/use-service-state";
import { Icon } from "../../../components/icons";
import { Failure, Loading } from "../../../components/states";
import { timeOfDay } from "../../../components/time";
import { UntrustedText } from "../../../components/untrusted-text";
import { strings } from "../../../strings";
import { Section } from "../../../components/section";
import { Checks } from "./checks";

const t = strings.settings.diagnostics;

/** The doctor: for the gateway itself, for each connection, and for the clients on this machine. */
export function Diagnostics({ clients, connectionHref }: { clients: ReactNode; connectionHref: (name: string) => string }) {
  return (
    <>
      <GatewayChecks />
      <ConnectionChecks href={connectionHref} />
      {clients}
    </>
  );
}

function GatewayChecks() {
  const { client } = useGateway();
  const doctor = useQuery(doctorQuery(client));
  const stopped = useServiceState() === "stopped";
  const again = (
    <Button size="xs" variant="default" leftSection={<Icon name="search" size={14} />} loading={doctor.isFetching} disabled={stopped} onClick={() => void doctor.refetch()} data-testid="doctor-again">
      {t.again}
    </Button>
  );
  const error = doctor.isError ? asApiError(doctor.error) : undefined;
  return (
    <Section title={t.gateway} text={doctor.data && t.at(timeOfDay(doctor.data.at))} action={again}>
      {error && !stopped && <Failure message={error.message} next={error.next} />}
      {doctor.data ? <Checks checks={doctor.data.checks} /> : !error && <Loading label={t.looking} />}
    </Section>
  );
}

function ConnectionChecks({ href }: { href: (name: string) => string }) {
  const { client } = useGateway();
  const admin = useIsAdmin();
  const stopped = useServiceState() === "stopped";
  const connections = useQuery(connectionsQuery(client)).data;
  const [found, setFound] = useState<Readonly<Record<string, readonly Check[]>>>({});
  const [looking, setLooking] = useState<string>();
  const look = useAction(async (names: readonly string[]) => {
    try {
      for (const name of names) {
        setLooking(name);
        // oxlint-disable-next-line no-await-in-loop -- one after the other: each is really tried
        const { checks } = await unwrap(client.POST("/api/v1/connections/{name}/doctor", { params: { path: { name } } }));
        setFound((known) => ({ ...known, [name]: checks }));
      }
    } finally {
      setLooking(undefined);
    }
  });
  const names = connections?.map(({ name }) => name).toSorted() ?? [];
  const all = admin && names.length > 0 && (
    <Button size="xs" variant="default" leftSection={<Icon name="search" size={14} />} loading={look.pending} disabled={stopped} onClick={() => void look.run(names)} data-testid="doctor-connections">
      {t.checkAll}
    </Button>
  );
  return (
    <Section title={t.connections} text={admin ? t.connectionsText : t.connectionsAdmin} action={all}>
      {look.error && <Failure message={look.error.message} next={look.error.next} />}
      {connections?.length === 0 && <p className="note dim">{t.noConnections}</p>}
      {admin && (
        <ul className="doctor-list">
          {names.map((name) => (
            <li key={name} data-testid={`doctor-${name}`}>
              <div className="settings-head">
                <a href={href(name)}>
                  <UntrustedText text={name} />
                </a>
                <Button size="compact-xs" variant="subtle" disabled={look.pending || stopped} loading={looking === name} onClick={() => void look.run([name])} aria-label={t.checkOne(name)}>
                  {t.check}
                </Button>
              </div>
              {found[name] && <Checks checks={found[name]} />}
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
