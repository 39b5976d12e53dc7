import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ComponentType, useState } from "react";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { agentsQuery, keys } from "../../api/queries";
import type { Team, User } from "../../api/types";
import { useAction } from "../../api/use-action";
import { usePause } from "../../api/use-pause";
import { useRole } from "../../api/use-role";
import { useServiceState } from "../../api/use-service-state";
import { Confirm } from "../../components/dialogs";
import { Icon } from "../../components/icons";
import { Mark } from "../../components/mark";
import { PauseButton } from "../../components/pause-button";
import { Failure, Unread } from "../../components/states";
import { strings } from "../../strings";
import { AddAgent } from "./add-agent";
import { AgentTable } from "./agent-table";
import { EditUser } from "./edit-user";
import { SetPassword } from "./set-password";
import { useAgentDialogs } from "./use-agent-dialogs";

const t = strings.people;

/** What is asked before it is done. */
type Asking = "token" | "remove-user";

/** Shows a token this one time, with what to do with it. */
export type TokenSlot = ComponentType<{ token: string }>;

interface UserPanelProps {
  user: User;
  teams: readonly Team[];
  grantsHref: (subject: string) => string;
  HowTo: TokenSlot;
  onGone: () => void;
  /** Makes a link by which they set a password themselves. */
  onInvite?: () => void;
  /** Where one's own programs are connected. */
  connectHref?: string | undefined;
}

export function UserPanel({ user, teams, grantsHref, HowTo, onGone, onInvite, connectHref }: UserPanelProps) {
  const { client } = useGateway();
  const queries = useQueryClient();
  const stopped = useServiceState() === "stopped";
  const agents = useQuery(agentsQuery(client, user.name));
  const [asking, setAsking] = useState<Asking>();
  // A member sees only themself, so their own agents; an auditor changes nothing.
  const role = useRole();
  const mayChange = role === "admin";
  const pause = usePause(`user:${user.name}`);
  const [opened, setOpened] = useState<"edit" | "password">();
  const { edit, revoke, dialogs } = useAgentDialogs();
  const [adding, setAdding] = useState(false);
  const [token, setToken] = useState<{ title: string; token: string }>();
  const readAgain = () =>
    Promise.all([queries.invalidateQueries({ queryKey: [keys.users] }), queries.invalidateQueries({ queryKey: [keys.agents] })]);

  const act = useAction(async (asked: Asking) => {
    const path = { name: user.name };
    if (asked === "token") {
      const created = await unwrap(client.POST("/api/v1/users/{name}/token", { params: { path } }));
      setToken({ title: t.userTokenTitle(user.name), token: created.token });
    } else {
      await unwrap(client.DELETE("/api/v1/users/{name}", { params: { path, query: { version: user.version } } }));
      onGone();
    }
    setAsking(undefined);
    await readAgain();
  });
  const start = (asked: Asking) => {
    act.clear();
    // A first token replaces nothing, so there is nothing to ask.
    if (asked === "token" && !user.has_token) void act.run(asked);
    else setAsking(asked);
  };

  return (
    <div className="item-body">
      <Group gap="xs">
        <Button size="xs" variant="default" component="a" href={grantsHref(user.name)} leftSection={<Icon name="key" size={14} />}>
          {t.grants}
        </Button>
        {mayChange && (
          <>
            <Button size="xs" variant="default" disabled={stopped} onClick={() => setOpened("edit")} data-testid="user-edit">
              {t.edit}
            </Button>
            <Button size="xs" variant="default" disabled={stopped} onClick={() => setOpened("password")} data-testid="user-set-password">
              {user.can_sign_in ? t.replacePassword : t.setPassword}
            </Button>
            {!user.can_sign_in && onInvite && (
              <Button size="xs" variant="default" disabled={stopped} onClick={onInvite} data-testid="user-invite">
                {strings.invites.inviteUser}
              </Button>
            )}
            <Button size="xs" variant="default" disabled={stopped} onClick={() => start("token")} data-testid="user-token">
              {user.has_token ? t.replaceToken : t.issueToken}
            </Button>
            <PauseButton
              paused={user.paused}
              pending={pause.pending}
              disabled={stopped}
              label={user.paused ? strings.pausing.resume : strings.pausing.pause}
              description={user.paused ? strings.pausing.resumeNamed(user.name) : strings.pausing.pauseNamed(user.name)}
              testId="user-pause"
              onToggle={() => void pause.run(!user.paused)}
            />
            <Button
              size="xs"
              variant="subtle"
              color="red"
              className="danger"
              disabled={stopped}
              leftSection={<Icon name="trash" size={14} />}
              onClick={() => start("remove-user")}
              data-testid="user-remove"
            >
              {strings.remove}
            </Button>
          </>
        )}
        <span className="small push">
          <Mark tone="neutral" icon={user.can_sign_in ? "lock" : "dash"} label={user.can_sign_in ? t.signsIn : t.noSignIn} />
        </span>
      </Group>
      {pause.error && <Failure message={pause.error.message} next={pause.error.next} />}
      {act.error && !asking && <Failure message={act.error.message} next={act.error.next} />}

      <div className="page-head">
        <h3>{t.agents}</h3>
        {role !== "auditor" && (
          <Group gap="xs">
            <Button size="xs" variant="default" disabled={stopped} leftSection={<Icon name="add" size={14} />} onClick={() => setAdding(true)} data-testid="agent-add">
              {t.addAgent}
            </Button>
            {connectHref !== undefined && (
              <Button size="xs" component="a" href={connectHref} leftSection={<Icon name="plug" size={14} />} data-testid="agent-connect">
                {t.connectAgents}
              </Button>
            )}
          </Group>
        )}
      </div>
      <Unread of={agents} />
      {agents.data?.length === 0 && (
        <Text size="sm" c="dimmed">
          {t.noAgents}
        </Text>
      )}
      {agents.data && agents.data.length > 0 && (
        <AgentTable
          agents={agents.data}
          grantsHref={grantsHref}
          disabled={stopped}
          mayEdit={role !== "auditor"}
          mayPause={mayChange}
          onEdit={edit}
          onRevoke={revoke}
        />
      )}

      {opened === "edit" && <EditUser user={user} teams={teams} onClose={() => setOpened(undefined)} />}
      {opened === "password" && <SetPassword user={user.name} onClose={() => setOpened(undefined)} />}
      {dialogs}
      {adding && (
        <AddAgent
          user={user.name}
          onClose={() => setAdding(false)}
          onAdded={(agent) => {
            setAdding(false);
            setToken({ title: t.agentTokenTitle(agent.name), token: agent.token });
            void readAgain();
          }}
        />
      )}
      <Confirm
        opened={asking !== undefined}
        title={asking === "token" ? t.replaceTokenTitle(user.name) : t.removeUserTitle(user.name)}
        confirm={asking === "token" ? t.replaceToken : strings.remove}
        cancel={strings.cancel}
        pending={act.pending}
        onConfirm={() => asking && void act.run(asking)}
        onCancel={() => setAsking(undefined)}
      >
        <Text size="sm">{asking === "token" ? t.replaceTokenText : t.removeUserText}</Text>
        {act.error && <Failure message={act.error.message} next={act.error.next} action={{ label: strings.readAgain, run: () => void readAgain().then(() => setAsking(undefined)) }} />}
      </Confirm>
      <Modal
        opened={token !== undefined}
        onClose={() => setToken(undefined)}
        title={token?.title}
        closeOnClickOutside={false}
        closeOnEscape={false}
        withCloseButton={false}
      >
        {token && (
          <Stack>
            <HowTo token={token.token} />
            <Button onClick={() => setToken(undefined)} data-testid="token-done">
              {t.tokenStored}
            </Button>
          </Stack>
        )}
      </Modal>
    </div>
  );
}
