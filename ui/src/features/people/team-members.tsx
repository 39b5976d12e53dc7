import { Button, MultiSelect, Stack } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type ClipboardEvent, useState } from "react";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { keys } from "../../api/queries";
import type { Team, User } from "../../api/types";
import { useAction } from "../../api/use-action";
import { Dialog } from "../../components/dialog";
import { Failure } from "../../components/states";
import { StaleNotice } from "../../components/stale-notice";
import { strings } from "../../strings";

const t = strings.people;

/** Who is in a team: many people at once, chosen or pasted. */
export function TeamMembers({ team, users, onClose }: { team: Team; users: readonly User[]; onClose: () => void }) {
  const { client } = useGateway();
  const queries = useQueryClient();
  // As first opened: what others change meanwhile is a conflict, not a new start.
  const [opened] = useState(team);
  const [members, setMembers] = useState<string[]>(team.members);
  const [unknown, setUnknown] = useState<string[]>([]);
  const save = useAction(async (version: number) => {
    try {
      await unwrap(client.PUT("/api/v1/teams/{name}", { params: { path: { name: team.name } }, body: { members, version } }));
    } finally {
      await Promise.all([keys.users, keys.teams, keys.grants, keys.tools].map((key) => queries.invalidateQueries({ queryKey: [key] })));
    }
    onClose();
  });
  const now = save.error?.code === "stale" ? (save.error.current as Team | undefined) : undefined;
  const paste = (event: ClipboardEvent) => {
    const names = event.clipboardData.getData("text").split(/[\s,;]+/).filter((name) => name !== "");
    if (names.length < 2) return;
    event.preventDefault();
    const known = new Set(users.map((user) => user.name));
    setMembers((before) => [...new Set([...before, ...names.filter((name) => known.has(name))])]);
    setUnknown(names.filter((name) => !known.has(name)));
  };
  return (
    <Dialog onClose={onClose} title={t.membersTitle(team.name)} size="lg" closeButtonProps={{ "aria-label": strings.close }}>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void save.run(opened.version);
        }}
      >
        <Stack>
          {save.error && !now && <Failure message={save.error.message} next={save.error.next} />}
          {now && <StaleNotice rows={[{ name: t.members, mine: members.toSorted().join(", ") || t.noMembers, theirs: now.members.join(", ") || t.noMembers }]} pending={save.pending} onOverwrite={() => void save.run(now.version)} />}
          <MultiSelect
            label={t.members}
            description={t.membersHint}
            inputWrapperOrder={["label", "input", "description", "error"]}
            placeholder={members.length === 0 ? t.noMembers : undefined}
            data={users.map((user) => user.name)}
            value={members}
            onChange={setMembers}
            onPaste={paste}
            error={unknown.length > 0 ? t.unknownNames(unknown) : undefined}
            searchable
            hidePickedOptions
            clearable
            data-autofocus
            maxDropdownHeight={260}
            nothingFoundMessage={strings.grants.nobodyFound}
            data-testid="team-members"
          />
          <Button type="submit" loading={save.pending} disabled={now !== undefined} data-testid="team-members-save">
            {t.save}
          </Button>
        </Stack>
      </form>
    </Dialog>
  );
}
