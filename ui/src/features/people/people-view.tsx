import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { asApiError } from "../../api/error";
import { useGateway } from "../../api/gateway";
import { teamsQuery, usersQuery } from "../../api/queries";
import type { User } from "../../api/types";
import { useRole } from "../../api/use-role";
import { useServiceState } from "../../api/use-service-state";
import { Icon } from "../../components/icons";
import { Mark } from "../../components/mark";
import { Empty, Failure, Loading } from "../../components/states";
import { usePaging } from "../../components/use-paging";
import { strings } from "../../strings";
import { AddUser } from "./add-user";
import { Teams } from "./teams";
import { UserPanel } from "./user-panel";

const STEP = 100;
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
  const role = useRole();
  const { shown, left, more } = usePaging(users.data ?? [], STEP);
  const [adding, setAdding] = useState(false);

  return (
    <>
      <div className="page-head">
        <h1>{t.title}</h1>
        {role === "admin" && (
          <Button size="xs" leftSection={<Icon name="add" size={14} />} disabled={stopped} onClick={() => setAdding(true)} data-testid="user-add">
            {t.addUser}
          </Button>
        )}
        {role === "auditor" && <span className="dim small">{t.readOnly}</span>}
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
        {shown.map((user) => (
          <li key={user.id} className="panel" data-testid={`user-${user.name}`}>
            <UserHead user={user} open={open === user.name} onToggle={() => onOpen(open === user.name ? undefined : user.name)} />
            {open === user.name && <UserPanel user={user} teams={teams.data ?? []} grantsHref={grantsHref} onGone={() => onOpen(undefined)} />}
          </li>
        ))}
      </ul>
      {left > 0 && (
        <Button size="xs" variant="default" w="fit-content" onClick={more}>
          {strings.tools.more(left)}
        </Button>
      )}
      {teams.data && role !== "member" && <Teams teams={teams.data} mayChange={role === "admin"} disabled={stopped} grantsHref={grantsHref} />}
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
    <h2 className="item-heading">
      <button type="button" className="item-head" aria-expanded={open} onClick={onToggle}>
        <span className="item-name">{user.name}</span>
        <Mark tone="neutral" icon={user.role === "admin" ? "shield" : user.role === "auditor" ? "eye" : "people"} label={t.roles[user.role]} />
        {user.paused && <Mark tone="wait" icon="pause" label={strings.pausing.paused} />}
        <span className="dim item-what">{user.teams.length === 0 ? t.noTeam : t.inTeams(user.teams)}</span>
        <span className="dim">{t.agentCount(user.agents)}</span>
        <span className="item-turn" data-open={open}>
          <Icon name="down" />
        </span>
      </button>
    </h2>
  );
}
