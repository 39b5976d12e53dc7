import { useMantineColorScheme } from "@mantine/core";
import { Spotlight, type SpotlightActionData, type SpotlightActionGroupData } from "@mantine/spotlight";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { useGateway } from "../api/gateway";
import { agentsQuery, approvalsQuery, connectionsQuery, toolsQuery, usersQuery } from "../api/queries";
import { usePause } from "../api/use-pause";
import { useRole } from "../api/use-role";
import { useServiceState } from "../api/use-service-state";
import { CONTRASTS, useContrast } from "../components/appearance";
import { Dialog } from "../components/dialog";
import { Icon, type IconName } from "../components/icons";
import { Failure } from "../components/states";
import { strings } from "../strings";
import { useSignOut } from "./account";
import { PAGES, PLACES } from "./pages";

const t = strings.palette;
/** Of each kind; whoever wants another one types more of its name. */
const MOST = 6;
/** What a call's id and a record's number look like. */
const CALL = /^(?:c_?[0-9a-z-]+|[0-9]+|[0-9a-f-]{8,})$/i;

/** Ctrl or Cmd and K, anywhere: every page, everybody, every tool, and what can be done from anywhere. */
export function Palette({ onKeys }: { onKeys: () => void }) {
  const [query, setQuery] = useState("");
  const [opened, setOpened] = useState(false);
  const words = query.trim();
  const fixed = useFixed(onKeys);
  const found = useFound(words, opened);
  const groups = [...fixed.groups(words), ...found].filter(({ actions }) => actions.length > 0);
  return (
    <>
      {/* What was chosen is gone from the screen by then. */}
      {fixed.failed?.error && (
        <Dialog onClose={fixed.failed.clear} title={t.failed} closeButtonProps={{ "aria-label": strings.close }}>
          <Failure message={fixed.failed.error.message} next={fixed.failed.error.next} />
        </Dialog>
      )}
      <Spotlight
        attributes={{ content: { "aria-label": t.title } }}
        actions={groups}
        // Filtered above: what was typed decides what is read, too.
        filter={(_query, actions) => actions}
        query={query}
        onQueryChange={setQuery}
        onSpotlightOpen={() => setOpened(true)}
        onSpotlightClose={() => setOpened(false)}
        shortcut="mod + K"
        tagsToIgnore={[]}
        triggerOnContentEditable
        nothingFound={t.nothing}
        scrollable
        maxHeight="min(60vh, 480px)"
        yOffset="12vh"
        centered={false}
        overlayProps={{ blur: 0, backgroundOpacity: 0.4 }}
        searchProps={{ "aria-label": t.title, placeholder: t.placeholder, leftSection: <Icon name="search" size={18} /> }}
        highlightQuery={false}
      />
    </>
  );
}

type Group = SpotlightActionGroupData;

interface Entry {
  id: string;
  label: string;
  icon: IconName;
  about?: string;
  hint?: string;
  run: () => void;
}

function action({ id, label, icon, about, hint, run }: Entry): SpotlightActionData {
  return {
    id,
    label,
    // Of people and tools: as text, whatever they are called, and no longer than a line.
    leftSection: <Icon name={icon} size={17} />,
    onClick: run,
    ...(about === undefined ? {} : { description: about }),
    ...(hint === undefined ? {} : { rightSection: <kbd>{hint}</kbd> }),
  };
}

/** Whether all words that were typed occur, in any order. */
function fits(words: string, ...texts: string[]): boolean {
  const text = texts.join(" ").toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** Pages and actions: always there. */
function useFixed(onKeys: () => void) {
  const navigate = useNavigate();
  const role = useRole();
  const state = useServiceState();
  const { setColorScheme } = useMantineColorScheme();
  const contrast = useContrast();
  const signOut = useSignOut();
  const pause = usePause();

  const pages: Entry[] = PAGES.map(({ to, icon, label, key }) => ({ id: `go-${to}`, label, icon, hint: `G ${key.toUpperCase()}`, run: () => void navigate({ to }) }));
  const forAdmins: Entry[] = [
    ...(state === "enforcing" ? [{ id: "pause", label: t.pause, icon: "pause" as const, run: () => void pause.run(true) }] : []),
    ...(state === "paused" ? [{ id: "resume", label: t.resume, icon: "play" as const, run: () => void pause.run(false) }] : []),
    { id: "add-connection", label: t.addConnection, icon: "plug", run: () => void navigate({ to: "/connections", search: { add: true } }) },
    { id: "add-person", label: t.addPerson, icon: "people", run: () => void navigate({ to: "/people", search: { add: true } }) },
  ];
  const connect: Entry = { id: "connect-agent", label: t.connectAgent, icon: "speech", run: () => void navigate({ to: "/people", search: { part: "clients" } }) };
  const verify: Entry = { id: "verify", label: t.verify, icon: "check", run: () => void navigate({ to: "/audit", search: { view: "proof" } }) };
  const looks: Entry[] = [
    ...(["auto", "light", "dark"] as const).map((scheme) => ({ id: `scheme-${scheme}`, label: t.scheme[scheme], icon: "sun" as const, run: () => setColorScheme(scheme) })),
    { id: "contrast", label: contrast.isMore ? t.contrast.normal : t.contrast.more, icon: "eye", run: () => contrast.choose(CONTRASTS[contrast.isMore ? 1 : 2]) },
  ];
  const rest: Entry[] = [
    { id: "keys", label: t.keys, icon: "keyboard", hint: "?", run: onKeys },
    { id: "sign-out", label: t.signOut, icon: "leave", run: () => void signOut.run() },
  ];
  const mayChange = role === "admin" && state !== "stopped";
  const all = [...(mayChange ? forAdmins : []), ...(role === "auditor" || state === "stopped" ? [] : [connect]), ...(role === "member" ? [] : [verify]), ...looks, ...rest];
  // Too many to be listed before somebody looks for one.
  const places: Entry[] = PLACES.filter(({ notFor }) => notFor?.includes(role) !== true).map(({ id, label, icon, to, search }) => ({ id: `place-${id}`, label, icon, run: () => void navigate({ to, search }) }));
  const groups = (words: string): Group[] => [
    { group: t.groups.go, actions: [...pages, ...(words === "" ? [] : places)].filter(({ label }) => fits(words, label)).map(action) },
    { group: t.groups.do, actions: all.filter(({ label }) => fits(words, label)).map(action) },
  ];
  return { groups, failed: [pause, signOut].find(({ error }) => error !== undefined) };
}

/** What the gateway knows; read when the palette is opened, not before. */
function useFound(words: string, opened: boolean): Group[] {
  const { client } = useGateway();
  const navigate = useNavigate();
  const role = useRole();
  const typed = words !== "";
  const sees = opened && role !== "member";
  const waiting = useQuery({ ...approvalsQuery(client, "pending"), enabled: opened }).data ?? [];
  const users = useQuery({ ...usersQuery(client), enabled: sees }).data ?? [];
  const agents = useQuery({ ...agentsQuery(client), enabled: opened }).data ?? [];
  const connections = useQuery({ ...connectionsQuery(client), enabled: sees }).data ?? [];
  const tools = useQuery({ ...toolsQuery(client), enabled: sees }).data ?? [];

  const approvals = waiting.filter(({ user, agent, tool }) => fits(words, user, agent ?? "", tool));
  const groups: Group[] = [
    {
      group: t.groups.waiting,
      actions: approvals.slice(0, MOST).map(({ id, user, agent, tool }) => action({ id: `approval-${id}`, label: t.answer(agent == null ? user : `${user} / ${agent}`, tool), icon: "hand", run: () => void navigate({ to: "/approvals", search: { open: id } }) })),
    },
  ];
  if (!typed) return groups;
  const some = <T,>(all: readonly T[], name: (one: T) => string, entry: (one: T) => Entry) =>
    all
      .filter((one) => fits(words, name(one)))
      .slice(0, MOST)
      .map((one) => action(entry(one)));
  groups.push(
    { group: t.groups.people, actions: some(users, ({ name }) => name, ({ name }) => ({ id: `user-${name}`, label: name, icon: "people", run: () => void navigate({ to: "/people", search: { user: name } }) })) },
    {
      group: t.groups.agents,
      actions: some(agents, ({ user, name }) => `${user}/${name}`, ({ user, name }) => ({ id: `agent-${user}/${name}`, label: name, about: t.agentOf(user), icon: "speech", run: () => void navigate({ to: "/people", search: { user } }) })),
    },
    { group: t.groups.connections, actions: some(connections, ({ name }) => name, ({ name, tools: count }) => ({ id: `connection-${name}`, label: name, about: t.toolsOf(count), icon: "plug", run: () => void navigate({ to: "/connections", search: { open: name } }) })) },
    { group: t.groups.tools, actions: some(tools, ({ id }) => id, ({ id }) => ({ id: `tool-${id}`, label: id, icon: "tool", run: () => void navigate({ to: "/tools", search: { find: id } }) })) },
    {
      group: t.groups.calls,
      actions: [
        ...(CALL.test(words) ? [action({ id: "call", label: t.openCall(words), icon: "book", run: () => void navigate({ to: "/audit", search: { call: words } }) })] : []),
        action({ id: "trail", label: t.searchTrail(words), icon: "search", run: () => void navigate({ to: "/audit", search: { text: words } }) }),
      ],
    },
  );
  return groups;
}
