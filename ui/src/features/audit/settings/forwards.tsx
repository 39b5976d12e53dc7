import { Button, Text } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { unwrap } from "../../../api/client";
import { useGateway } from "../../../api/gateway";
import { forwardsQuery } from "../../../api/queries";
import type { Forward } from "../../../api/types";
import { useAction } from "../../../api/use-action";
import { useServiceState } from "../../../api/use-service-state";
import { Confirm } from "../../../components/dialogs";
import { Icon } from "../../../components/icons";
import { Mark } from "../../../components/mark";
import { Failure, Unread } from "../../../components/states";
import { ago } from "../../../components/time";
import { UntrustedText } from "../../../components/untrusted-text";
import { useNow } from "../../../components/use-now";
import { strings } from "../../../strings";
import { AddForward } from "./add-forward";

const t = strings.audit.forwards;

/** Who else gets the records, and how far each has got. */
export function Forwards({ mayChange }: { mayChange: boolean }) {
  const { client } = useGateway();
  const queries = useQueryClient();
  const stopped = useServiceState() === "stopped";
  const forwards = useQuery(forwardsQuery(client));
  const now = useNow();
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<Forward>();
  const readAgain = () => queries.invalidateQueries({ queryKey: forwardsQuery(client).queryKey });
  const remove = useAction(async (name: string) => {
    await unwrap(client.DELETE("/api/v1/audit/forwards/{name}", { params: { path: { name } } }));
    setRemoving(undefined);
    await readAgain();
  });
  return (
    <section className="panel padded titled" aria-labelledby="forwards-title">
      <div className="page-head">
        <h2 id="forwards-title">{t.title}</h2>
        {mayChange && (
          <Button size="xs" variant="default" leftSection={<Icon name="add" size={14} />} disabled={stopped} onClick={() => setAdding(true)} data-testid="forward-add">
            {t.add}
          </Button>
        )}
      </div>
      <p className="note dim">{t.intro}</p>
      <Unread of={forwards} />
      {forwards.data?.length === 0 && <p className="note">{t.none}</p>}
      {forwards.data && forwards.data.length > 0 && (
        <div className="table-scroll">
          <table className="plain-table stack-table forward-table">
            <thead>
              <tr>
                <th scope="col">{t.name}</th>
                <th scope="col">{t.target}</th>
                <th scope="col">{t.state}</th>
                <th scope="col">{t.sent}</th>
                {mayChange && (
                  <th scope="col">
                    <span className="visually-hidden">{t.actions}</span>
                  </th>
                )}
              </tr>
            </thead>
            <tbody>
              {forwards.data.map((forward) => (
                <tr key={forward.name} data-testid={`forward-${forward.name}`}>
                  <th scope="row" className="wrap">
                    {forward.name}
                  </th>
                  <td>
                    <div className="dim">{t.kinds[forward.kind]}</div>
                    <code>{forward.target}</code>
                  </td>
                  <td>
                    <State forward={forward} />
                  </td>
                  <td className="dim nowrap">{forward.sent_at == null ? t.never : ago(forward.sent_at, now)}</td>
                  {mayChange && (
                    <td className="end">
                      <Button
                        size="compact-xs"
                        variant="subtle"
                        color="red"
                        className="danger"
                        disabled={stopped}
                        aria-label={t.remove(forward.name)}
                        onClick={() => {
                          remove.clear();
                          setRemoving(forward);
                        }}
                        data-testid={`forward-remove-${forward.name}`}
                      >
                        {strings.remove}
                      </Button>
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {adding && (
        <AddForward
          onClose={() => setAdding(false)}
          onAdded={() => {
            setAdding(false);
            void readAgain();
          }}
        />
      )}
      <Confirm
        opened={removing !== undefined}
        title={removing ? t.removeTitle(removing.name) : ""}
        confirm={t.removeConfirm}
        cancel={strings.cancel}
        pending={remove.pending}
        onConfirm={() => removing && void remove.run(removing.name)}
        onCancel={() => setRemoving(undefined)}
      >
        <Text size="sm">{t.removeText}</Text>
        {remove.error && <Failure message={remove.error.message} next={remove.error.next} />}
      </Confirm>
    </section>
  );
}

function State({ forward }: { forward: Forward }) {
  return (
    <>
      {forward.error == null ? forward.behind === 0 ? <Mark tone="allow" icon="check" label={t.upToDate} /> : null : <Mark tone="wait" icon="alert" label={t.failing} />}
      {forward.behind > 0 && <div className="dim">{t.behind(forward.behind)}</div>}
      {forward.error != null && (
        <div className="small wrap">
          <UntrustedText text={forward.error} />
        </div>
      )}
    </>
  );
}
