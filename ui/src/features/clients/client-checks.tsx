import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import { asApiError } from "../../api/error";
import { keys } from "../../api/queries";
import type { ShellClients } from "../../api/types";
import { Icon } from "../../components/icons";
import { Section } from "../../components/section";
import { Failure, Loading } from "../../components/states";
import { strings } from "../../strings";
import { Findings } from "./findings";
import { StateMark } from "./state-mark";
import "./clients.css";

const t = strings.clients;

/** What the doctor says of the clients on this machine. */
export function ClientChecks({ shell }: { shell: ShellClients }) {
  const found = useQuery({ queryKey: [keys.clients], queryFn: () => shell.list() });
  const error = found.isError ? asApiError(found.error) : undefined;
  const here = found.data?.filter((client) => client.state !== "absent");
  const again = (
    <Button size="xs" variant="default" leftSection={<Icon name="search" size={14} />} loading={found.isFetching} onClick={() => void found.refetch()} data-testid="doctor-clients">
      {t.lookAgain}
    </Button>
  );
  return (
    <Section title={t.views.clients} text={t.checksText} action={again}>
      {error && <Failure message={error.message} next={error.next} />}
      {found.isPending && <Loading label={strings.loading} />}
      {here?.length === 0 && <p className="note dim">{t.noneTitle}.</p>}
      <ul className="doctor-list">
        {here?.map((client) => (
          <li key={client.client} data-testid={`doctor-${client.client}`}>
            <div className="settings-head">
              {client.title}
              <StateMark client={client} />
            </div>
            <Findings client={client} />
          </li>
        ))}
      </ul>
    </Section>
  );
}
