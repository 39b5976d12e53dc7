import { Button, Modal, Select, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { unwrap } from "../../api/client";
import { asApiError } from "../../api/error";
import { useGateway } from "../../api/gateway";
import { keys, teamsQuery, usersQuery } from "../../api/queries";
import type { Team, User } from "../../api/types";
import { useAction } from "../../api/use-action";
import { useServiceState } from "../../api/use-service-state";
import { Icon } from "../../components/icons";
import { Mark } from "../../components/mark";
import { Empty, Failure, Loading } from "../../components/states";
import { strings } from "../../strings";
import { UserPanel } from "./user-panel";

const t = strings.people;

interface PeopleViewProps {
  open: string | undefined;
  onOpen: (user: string | undefined) => void;
  /** Address of the grants page of a subject. */
  grantsHref: (subject: string) => string;
}

export function PeopleView({ open, onOpen, grantsHref }: PeopleViewProps) {
  const { client } = useGateway();
  const users = useQuery(usersQuery(client));
  const teams = useQuery(teamsQuery(client));
  const stopped = useServiceState() === "stopped";
  const [adding, setAdding] = useState(false);

  return (
    <>
      <div className="page-head">
        <h1>{t.title}</h1>
        <Button size="xs" leftSection={<Icon name="add" size={14} />} disabled={stopped} onClick={() => setAdding(true)} data-testid="user-add">
          {t.addUser}
        </Button>
      </div>
      {users.isPending && <Loading label={strings.loading} />}
      {users.isError && users.data === undefined && (
        <Failure
          message={asApiError(users.error).message}
          next={asApiError(users.error).next}
          action={{ label: strings.retry, run: () => void users.refetch() }}
        />
      )}
      {users.data?.length === 0 && <Empty icon="people" title={t.emptyTitle} text={t.emptyText} />}
      <ul className="items">
        {users.data?.map((user) => (
          <li key={user.id} className="panel" data-testid={`user-${user.name}`}>
            <UserHead user={user} open={open === user.name} onToggle={() => onOpen(open === user.name ? undefined : user.name)} />
            {open === user.name && <UserPanel user={user} grantsHref={grantsHref} onGone={() => onOpen(undefined)} />}
          </li>
        ))}
      </ul>
      {teams.data && teams.data.length > 0 && <Teams teams={teams.data} grantsHref={grantsHref} />}
      {adding && (
        <AddUser
          teams={teams.data ?? []}
          onClose={() => setAdding(false)}
          onAdded={(name) => {
            setAdding(false);
            onOpen(name);
          }}
        />
      )}
    </>
  );
}

function UserHead({ user, open, onToggle }: { user: User; open: boolean; onToggle: () => void }) {
  return (
    <button type="button" className="item-head" aria-expanded={open} onClick={onToggle}>
      <span className="item-name">{user.name}</span>
      {user.admin && <Mark tone="neutral" icon="shield" label={t.admin} />}
      <span className="dim item-what">{user.teams.length === 0 ? t.noTeam : t.inTeams(user.teams)}</span>
      <span className="dim">{t.agentCount(user.agents)}</span>
      <span className="item-turn" data-open={open}>
        <Icon name="down" />
      </span>
    </button>
  );
}

function Teams({ teams, grantsHref }: { teams: readonly Team[]; grantsHref: (subject: string) => string }) {
  return (
    <section className="titled" aria-labelledby="teams-title">
      <h2 id="teams-title">{t.teams}</h2>
      <div className="panel">
        <table className="plain-table">
          <thead>
            <tr>
              <th scope="col">{t.team}</th>
              <th scope="col">{t.members}</th>
              <th scope="col" aria-label={t.grants} />
            </tr>
          </thead>
          <tbody>
            {teams.map((team) => (
              <tr key={team.id}>
                <th scope="row">{team.name}</th>
                <td>{team.members.length === 0 ? <span className="dim">{t.noMembers}</span> : team.members.join(", ")}</td>
                <td className="end">
                  <a href={grantsHref(`team:${team.name}`)}>{t.grantsOf(team.name)}</a>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function AddUser({ teams, onClose, onAdded }: { teams: readonly Team[]; onClose: () => void; onAdded: (name: string) => void }) {
  const { client } = useGateway();
  const queries = useQueryClient();
  const form = useForm({
    initialValues: { name: "", team: "", newTeam: "" },
    validate: { name: (value) => (value.trim() === "" ? t.nameMissing : null) },
  });
  const add = useAction(async ({ name, team, newTeam }: typeof form.values) => {
    const chosen = newTeam.trim() || team;
    const user = await unwrap(client.POST("/api/v1/users", { body: { name: name.trim(), ...(chosen === "" ? {} : { team: chosen }) } }));
    await Promise.all([queries.invalidateQueries({ queryKey: [keys.users] }), queries.invalidateQueries({ queryKey: [keys.teams] })]);
    return user.name;
  });
  return (
    <Modal opened onClose={onClose} title={t.addUser} closeButtonProps={{ "aria-label": strings.close }}>
      <form
        noValidate
        onSubmit={form.onSubmit(async (values) => {
          const name = await add.run(values);
          if (name !== undefined) onAdded(name);
        })}
      >
        <Stack>
          {add.error && <Failure message={add.error.message} next={add.error.next} />}
          <TextInput label={t.name} autoComplete="off" data-autofocus required data-testid="user-name" {...form.getInputProps("name")} />
          {teams.length > 0 && (
            <Select
              label={t.teamOptional}
              placeholder={t.noTeam}
              clearable
              disabled={form.values.newTeam.trim() !== ""}
              data={teams.map((team) => team.name)}
              value={form.values.team || null}
              onChange={(value) => form.setFieldValue("team", value ?? "")}
              data-testid="user-team"
            />
          )}
          <TextInput label={t.newTeamOptional} autoComplete="off" data-testid="user-new-team" {...form.getInputProps("newTeam")} />
          <Button type="submit" loading={add.pending} data-testid="user-submit">
            {t.addUser}
          </Button>
        </Stack>
      </form>
    </Modal>
  );
}
