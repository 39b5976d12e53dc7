import { Button, Tabs, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";

import { useGateway } from "../../api/gateway";
import { teamsQuery, usersQuery } from "../../api/queries";
import type { User } from "../../api/types";
import { useRole } from "../../api/use-role";
import { useServiceState } from "../../api/use-service-state";
import { Icon } from "../../components/icons";
import { Mark } from "../../components/mark";
import { Empty, Unread } from "../../components/states";
import { usePaging } from "../../components/use-paging";
import { strings } from "../../strings";
import { AddUser } from "./add-user";
import { AgentsView } from "./agents-view";
import { InviteDialog } from "./invite-dialog";
import { Invites } from "./invites";
import { PEOPLE_PARTS, type PeoplePart } from "./parts";
import { Teams } from "./teams";
import { type TokenSlot, UserPanel } from "./user-panel";

const STEP = 100;
/** Fewer are found at a glance. */
const MOST_UNFILTERED = 8;
const t = strings.people;

interface PeopleViewProps {
  part: PeoplePart;
  find: string;
  onPart: (part: PeoplePart) => void;
  onFind: (text: string) => void;
  open: string | undefined;
  onOpen: (user: string | undefined) => void;
  /** Whether the dialog is open that adds a person. */
  adding: boolean;
  onAdding: (adding: boolean) => void;
  /** Address of the grants page of a subject. */
  grantsHref: (subject: string) => string;
  /** Programs that can be agents, and how they are connected. */
  clients: ReactNode;
  HowTo: TokenSlot;
  sharingHref: string;
}

export function PeopleView({ part, find, onPart, onFind, open, onOpen, adding, onAdding, grantsHref, clients, HowTo, sharingHref }: PeopleViewProps) {
  const { client, host } = useGateway();
  const users = useQuery(usersQuery(client));
  const stopped = useServiceState() === "stopped";
  const role = useRole();
  const teams = useQuery({ ...teamsQuery(client), enabled: role !== "member" });
  const wanted = find.trim().toLowerCase();
  const matching = (users.data ?? []).filter((user) => user.name === open || [user.name, ...user.teams].some((name) => name.toLowerCase().includes(wanted)));
  const { shown, left, more } = usePaging(matching, STEP);
  // A member has no teams to look at, an auditor changes nothing.
  const parts = PEOPLE_PARTS.filter((each) => (each !== "teams" || role !== "member") && (each !== "clients" || role !== "auditor"));
  const partLabel = (each: PeoplePart) => (each === "clients" && !host.shell ? t.connectAgents : t.parts[each]);
  const [inviting, setInviting] = useState<{ user?: string }>();

  return (
    <>
      <div className="page-head">
        <h1>{t.title}</h1>
        {role === "admin" && (
          <div className="page-actions">
            <Button size="xs" variant="default" leftSection={<Icon name="add" size={14} />} disabled={stopped} onClick={() => onAdding(true)} data-testid="user-add">
              {t.addUser}
            </Button>
            <Button size="xs" leftSection={<Icon name="people" size={14} />} disabled={stopped} onClick={() => setInviting({})} data-testid="invite">
              {strings.invites.invite}
            </Button>
          </div>
        )}
        {role === "auditor" && <span className="dim small">{t.readOnly}</span>}
      </div>
      <Tabs value={part} onChange={(value) => onPart(parts.find((each) => each === value) ?? "users")}>
        <Tabs.List aria-label={t.partsLabel}>
          {parts.map((each) => (
            <Tabs.Tab key={each} value={each} data-testid={`people-${each}`}>
              {partLabel(each)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
      </Tabs>
      <Unread of={users} />
      {part === "agents" && <AgentsView find={find} onFind={onFind} grantsHref={grantsHref} />}
      {part === "teams" && teams.data && <Teams teams={teams.data} users={users.data ?? []} mayChange={role === "admin"} disabled={stopped} grantsHref={grantsHref} />}
      {part === "clients" && clients}
      {part === "users" && (
        <>
          {users.data?.length === 0 && <Empty icon="people" title={t.emptyTitle} text={t.emptyText} />}
          {(users.data?.length ?? 0) > MOST_UNFILTERED && (
            <TextInput size="xs" w={240} aria-label={t.findUsers} placeholder={t.findUsers} leftSection={<Icon name="search" size={13} />} value={find} onChange={(event) => onFind(event.currentTarget.value)} data-testid="users-find" />
          )}
          <ul className="items">
            {shown.map((user) => (
              <li key={user.id} className="panel" data-testid={`user-${user.name}`}>
                <UserHead user={user} open={open === user.name} onToggle={() => onOpen(open === user.name ? undefined : user.name)} />
                {open === user.name && <UserPanel user={user} teams={teams.data ?? []} grantsHref={grantsHref} HowTo={HowTo} onGone={() => onOpen(undefined)} onInvite={() => setInviting({ user: user.name })} />}
              </li>
            ))}
          </ul>
          {left > 0 && (
            <Button size="xs" variant="default" w="fit-content" onClick={more}>
              {strings.tools.more(left)}
            </Button>
          )}
          {role !== "member" && <Invites mayChange={role === "admin"} disabled={stopped} />}
        </>
      )}
      {inviting && <InviteDialog {...inviting} teams={teams.data ?? []} sharingHref={sharingHref} onClose={() => setInviting(undefined)} />}
      {adding && role === "admin" && <AddUser teams={teams.data ?? []} onClose={() => onAdding(false)} onAdded={onOpen} />}
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
