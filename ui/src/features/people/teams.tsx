import { Button, Stack, Text, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { keys } from "../../api/queries";
import type { Team, User } from "../../api/types";
import { useAction } from "../../api/use-action";
import { Dialog } from "../../components/dialog";
import { Confirm } from "../../components/dialogs";
import { Icon } from "../../components/icons";
import { Failure } from "../../components/states";
import { strings } from "../../strings";
import { TeamMembers } from "./team-members";

const t = strings.people;
const MOST_NAMED = 12;

interface TeamsProps {
  teams: readonly Team[];
  users: readonly User[];
  mayChange: boolean;
  disabled: boolean;
  grantsHref: (subject: string) => string;
}

export function Teams({ teams, users, mayChange, disabled, grantsHref }: TeamsProps) {
  const { client } = useGateway();
  const queries = useQueryClient();
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<Team>();
  const [editing, setEditing] = useState<Team>();
  const readAgain = () => Promise.all([keys.teams, keys.users, keys.grants].map((key) => queries.invalidateQueries({ queryKey: [key] })));
  const remove = useAction(async (team: Team) => {
    await unwrap(client.DELETE("/api/v1/teams/{name}", { params: { path: { name: team.name }, query: { version: team.version } } }));
    setRemoving(undefined);
    await readAgain();
  });
  return (
    <section className="titled" aria-labelledby="teams-title">
      <div className="page-head">
        <h2 id="teams-title">{t.teams}</h2>
        {mayChange && (
          <Button size="xs" variant="default" leftSection={<Icon name="add" size={14} />} disabled={disabled} onClick={() => setAdding(true)} data-testid="team-add">
            {t.addTeam}
          </Button>
        )}
      </div>
      {teams.length === 0 && <p className="dim note">{t.noTeams}</p>}
      {teams.length > 0 && (
        <div className="panel table-scroll">
          <table className="plain-table">
            <thead>
              <tr>
                <th scope="col">{t.team}</th>
                <th scope="col">{t.members}</th>
                <th scope="col"><span className="visually-hidden">{t.actions}</span></th>
              </tr>
            </thead>
            <tbody>
              {teams.map((team) => (
                <tr key={team.id} data-testid={`team-${team.name}`}>
                  <th scope="row" className="wrap">
                    {team.name}
                  </th>
                  <td className="wrap"><MemberNames names={team.members} /></td>
                  <td className="end">
                    <Button component="a" href={grantsHref(`team:${team.name}`)} size="compact-xs" variant="subtle" aria-label={t.grantsOf(team.name)}>
                      {t.grants}
                    </Button>
                    {mayChange && (
                      <Button size="compact-xs" variant="subtle" disabled={disabled} onClick={() => setEditing(team)} aria-label={t.membersTitle(team.name)} data-testid={`team-edit-${team.name}`}>
                        {t.editMembers}
                      </Button>
                    )}
                    {mayChange && (
                      <Button size="compact-xs" variant="subtle" color="red" className="danger" disabled={disabled} onClick={() => setRemoving(team)} aria-label={t.removeTeam(team.name)}>
                        {strings.remove}
                      </Button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {editing && <TeamMembers team={editing} users={users} onClose={() => setEditing(undefined)} />}
      {adding && <AddTeam onClose={() => setAdding(false)} />}
      <Confirm
        opened={removing !== undefined}
        title={removing ? t.removeTeamTitle(removing.name) : ""}
        confirm={strings.remove}
        cancel={strings.cancel}
        pending={remove.pending}
        onConfirm={() => removing && void remove.run(removing)}
        onCancel={() => {
          remove.clear();
          setRemoving(undefined);
        }}
      >
        <Text size="sm">{t.removeTeamText}</Text>
        {remove.error && (
          <Failure message={remove.error.message} next={remove.error.next} action={{ label: strings.readAgain, run: () => void readAgain().then(() => setRemoving(undefined)) }} />
        )}
      </Confirm>
    </section>
  );
}

function MemberNames({ names }: { names: readonly string[] }) {
  if (names.length === 0) return <span className="dim">{t.noMembers}</span>;
  const more = names.length - MOST_NAMED;
  return (
    <span title={names.join(", ")}>
      {names.slice(0, MOST_NAMED).join(", ")} {more > 0 && <span className="dim">{t.scopeMore(more)}</span>}
    </span>
  );
}

function AddTeam({ onClose }: { onClose: () => void }) {
  const { client } = useGateway();
  const queries = useQueryClient();
  const [name, setName] = useState("");
  const add = useAction(async () => {
    await unwrap(client.POST("/api/v1/teams", { body: { name: name.trim() } }));
    await queries.invalidateQueries({ queryKey: [keys.teams] });
    onClose();
  });
  return (
    <Dialog onClose={onClose} title={t.addTeam} closeButtonProps={{ "aria-label": strings.close }}>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim() !== "") void add.run();
        }}
      >
        <Stack>
          {add.error && <Failure message={add.error.message} next={add.error.next} />}
          <TextInput label={t.teamName} autoComplete="off" data-autofocus required value={name} onChange={(event) => setName(event.currentTarget.value)} data-testid="team-name" />
          <Button type="submit" loading={add.pending} disabled={name.trim() === ""} data-testid="team-submit">
            {t.addTeam}
          </Button>
        </Stack>
      </form>
    </Dialog>
  );
}
