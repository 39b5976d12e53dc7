import { Button, Group } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { invitesQuery, keys } from "../../api/queries";
import type { Invite } from "../../api/types";
import { useAction } from "../../api/use-action";
import { Mark } from "../../components/mark";
import { Failure, Loaded } from "../../components/states";
import { When } from "../../components/when";
import { strings } from "../../strings";

const t = strings.invites;
const MARKS = {
  open: { tone: "wait", icon: "clock" },
  accepted: { tone: "allow", icon: "check" },
  revoked: { tone: "neutral", icon: "off" },
  expired: { tone: "neutral", icon: "off" },
} as const;

/** Links that were given out. Nothing is shown while there are none. */
export function Invites({ mayChange, disabled }: { mayChange: boolean; disabled: boolean }) {
  const { client } = useGateway();
  const queries = useQueryClient();
  const invites = useQuery(invitesQuery(client));
  const [all, setAll] = useState(false);
  const revoke = useAction(async (id: string) => {
    await unwrap(client.DELETE("/api/v1/invites/{id}", { params: { path: { id } } }));
    await queries.invalidateQueries({ queryKey: [keys.invites] });
  });
  if (invites.data?.length === 0) return null;
  return (
    <section className="titled" aria-labelledby="invites-title" data-testid="invites">
      <Group justify="space-between">
        <h2 id="invites-title">{t.title}</h2>
        {invites.data?.some((invite) => invite.state !== "open") && (
          <Button size="compact-xs" variant="subtle" aria-pressed={all} onClick={() => setAll(!all)} data-testid="invites-all">
            {t.showAll}
          </Button>
        )}
      </Group>
      {revoke.error && <Failure message={revoke.error.message} next={revoke.error.next} />}
      <Loaded of={invites}>
        {(known) => <Table invites={known.filter((invite) => all || invite.state === "open")} mayChange={mayChange} disabled={disabled || revoke.pending} onRevoke={(id) => void revoke.run(id)} />}
      </Loaded>
    </section>
  );
}

function Table({ invites, mayChange, disabled, onRevoke }: { invites: readonly Invite[]; mayChange: boolean; disabled: boolean; onRevoke: (id: string) => void }) {
  if (invites.length === 0) return <p className="note dim">{t.none}</p>;
  return (
    <div className="panel table-scroll">
      <table className="plain-table">
        <thead>
          <tr>
            <th scope="col">{t.user}</th>
            <th scope="col">{t.role}</th>
            <th scope="col">{t.state}</th>
            <th scope="col">{t.by}</th>
            <th scope="col">{t.until}</th>
            {mayChange && (
              <th scope="col" className="end">
                <span className="visually-hidden">{t.actions}</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {invites.map((invite) => (
            <tr key={invite.id} data-testid={`invite-${invite.user}`} data-state={invite.state}>
              <th scope="row">{invite.user}</th>
              <td>{strings.people.roles[invite.role]}</td>
              <td>
                <Mark {...MARKS[invite.state]} label={t.states[invite.state]} />
              </td>
              <td>{invite.by}</td>
              <td>
                <When at={invite.expires_at} />
              </td>
              {mayChange && (
                <td className="end">
                  {invite.state === "open" && (
                    <Button size="compact-xs" variant="subtle" color="red" className="danger" disabled={disabled} onClick={() => onRevoke(invite.id)} aria-label={t.revokeNamed(invite.user)} data-testid="invite-revoke">
                      {t.revoke}
                    </Button>
                  )}
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
