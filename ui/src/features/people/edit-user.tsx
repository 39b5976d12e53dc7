import { Button, NativeSelect, Stack, TagsInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { keys } from "../../api/queries";
import type { Role, Team, User } from "../../api/types";
import { useAction } from "../../api/use-action";
import { Dialog } from "../../components/dialog";
import { Failure } from "../../components/states";
import { strings } from "../../strings";
import { StaleNotice } from "../../components/stale-notice";

const t = strings.people;
const ROLES: readonly Role[] = ["member", "auditor", "admin"];

export const roleChoices = ROLES.map((value) => ({ value, label: `${t.roles[value]}: ${t.roleMeaning[value]}` }));
export const roleOf = (text: string): Role => ROLES.find((role) => role === text) ?? "member";

/** A user's role and teams. */
export function EditUser({ user, teams, onClose }: { user: User; teams: readonly Team[]; onClose: () => void }) {
  const { client } = useGateway();
  const queries = useQueryClient();
  // As first opened: what others change meanwhile is a conflict, not a new start.
  const [opened] = useState(user);
  const [role, setRole] = useState<Role>(user.role);
  const [chosen, setChosen] = useState<string[]>(user.teams);
  const save = useAction(async (version: number) => {
    try {
      await unwrap(client.PUT("/api/v1/users/{name}", { params: { path: { name: user.name } }, body: { role, teams: chosen, version } }));
    } finally {
      await Promise.all([keys.users, keys.teams, keys.grants].map((key) => queries.invalidateQueries({ queryKey: [key] })));
    }
    onClose();
  });
  const now = save.error?.code === "stale" ? (save.error.current as User | undefined) : undefined;
  return (
    <Dialog onClose={onClose} title={t.editTitle(user.name)} closeButtonProps={{ "aria-label": strings.close }}>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void save.run(opened.version);
        }}
      >
        <Stack>
          {save.error && !now && <Failure message={save.error.message} next={save.error.next} />}
          {now && (
            <StaleNotice
              rows={[
                { name: t.role, mine: t.roles[role], theirs: t.roles[now.role] },
                { name: t.teams, mine: chosen.join(", ") || t.noTeam, theirs: now.teams.join(", ") || t.noTeam },
              ]}
              pending={save.pending}
              onOverwrite={() => void save.run(now.version)}
            />
          )}
          <NativeSelect label={t.role} data={roleChoices} value={role} onChange={(event) => setRole(roleOf(event.currentTarget.value))} data-testid="user-role" />
          <TagsInput label={t.teams} description={t.teamsHint} data={teams.map((team) => team.name)} value={chosen} onChange={setChosen} acceptValueOnBlur data-testid="user-teams" />
          <Button type="submit" loading={save.pending} disabled={now !== undefined} data-testid="user-save">
            {t.save}
          </Button>
        </Stack>
      </form>
    </Dialog>
  );
}
