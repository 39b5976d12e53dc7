import { Button, Group, Text } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { accountsQuery, keys } from "../../api/queries";
import type { Account } from "../../api/types";
import { useAction } from "../../api/use-action";
import { useRole } from "../../api/use-role";
import { CopyLine } from "../../components/copy-line";
import { Confirm } from "../../components/dialogs";
import type { IconName } from "../../components/icons";
import { Mark, type Tone } from "../../components/mark";
import { Failure, Unread } from "../../components/states";
import { UntrustedText } from "../../components/untrusted-text";
import { strings } from "../../strings";

const t = strings.accounts;

const STATES: Record<Account["state"], { tone: Tone; icon: IconName; label: string }> = {
  not_connected: { tone: "wait", icon: "plug", label: t.states.not_connected },
  connected: { tone: "allow", icon: "check", label: t.states.connected },
  reconnect: { tone: "deny", icon: "alert", label: t.states.reconnect },
};

/** Who is connected with one system, or all that is one's own. */
export function Accounts({ connection }: { connection?: string }) {
  const { client } = useGateway();
  const accounts = useQuery({ ...accountsQuery(client), select: (all) => all.filter((account) => connection === undefined || account.connection === connection) });
  if (accounts.data === undefined) return <Unread of={accounts} />;
  return (
    <>
      {accounts.data.length === 0 && (
        <Text size="sm" c="dimmed">
          {connection === undefined ? t.noneOwn : t.none}
        </Text>
      )}
      {accounts.data.map((account) => (
        <Row key={`${account.connection}/${account.user ?? ""}`} account={account} named={connection === undefined} />
      ))}
    </>
  );
}

function Row({ account, named }: { account: Account; named: boolean }) {
  const { client, host } = useGateway();
  const queries = useQueryClient();
  const role = useRole();
  const [showing, setShowing] = useState(false);
  const [leaving, setLeaving] = useState(false);
  const id = `account-${account.connection}-${account.user ?? "team"}`;
  const mayDisconnect = account.state !== "not_connected" && (account.own || role === "admin");
  const disconnect = useAction(async () => {
    const query = account.user == null ? {} : { user: account.user };
    await unwrap(client.DELETE("/api/v1/accounts/{connection}", { params: { path: { connection: account.connection }, query } }));
    await queries.invalidateQueries({ queryKey: [keys.connections] });
    setLeaving(false);
  });
  return (
    <div className="tool" data-testid={id} data-state={account.state}>
      <Group gap="xs">
        <span>{named ? account.connection : (account.user ?? t.team)}</span>
        <Mark {...STATES[account.state]} />
        {account.own && (
          <Button size="xs" variant="default" onClick={() => setShowing(!showing)} aria-expanded={showing} data-testid={`${id}-connect`}>
            {account.state === "not_connected" ? t.connect : t.reconnect}
          </Button>
        )}
        {mayDisconnect && (
          <Button size="xs" variant="subtle" color="red" className="danger" onClick={() => setLeaving(true)} data-testid={`${id}-disconnect`}>
            {t.disconnect}
          </Button>
        )}
      </Group>
      {account.problem != null && (
        <Text size="sm" data-tone="deny">
          <UntrustedText text={account.problem} />
        </Text>
      )}
      {showing && (
        <>
          <Text size="sm">{t.linkText}</Text>
          <CopyLine text={account.link} label={t.linkLabel} testId={`${id}-link`} />
          {host.kind === "browser" && (
            <a href={account.link} target="_blank" rel="noopener">
              {t.open}
            </a>
          )}
        </>
      )}
      <Confirm
        opened={leaving}
        title={t.disconnectTitle(account.connection)}
        confirm={t.disconnect}
        cancel={strings.cancel}
        pending={disconnect.pending}
        onConfirm={() => void disconnect.run()}
        onCancel={() => {
          setLeaving(false);
          disconnect.clear();
        }}
      >
        <Text size="sm">{t.disconnectText}</Text>
        {disconnect.error && <Failure message={disconnect.error.message} next={disconnect.error.next} />}
      </Confirm>
    </div>
  );
}
