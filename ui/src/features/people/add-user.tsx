import { Button, NativeSelect, Select, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQueryClient } from "@tanstack/react-query";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { keys } from "../../api/queries";
import type { Team } from "../../api/types";
import { useAction } from "../../api/use-action";
import { Dialog } from "../../components/dialog";
import { Failure } from "../../components/states";
import { strings } from "../../strings";
import { roleChoices, roleOf } from "./edit-user";

const t = strings.people;

export function AddUser({ teams, onClose, onAdded }: { teams: readonly Team[]; onClose: () => void; onAdded: (name: string) => void }) {
  const { client } = useGateway();
  const queries = useQueryClient();
  const form = useForm({
    initialValues: { name: "", role: "member", team: "", newTeam: "" },
    validate: { name: (value) => (value.trim() === "" ? t.nameMissing : null) },
  });
  const add = useAction(async ({ name, role, team, newTeam }: typeof form.values) => {
    const chosen = newTeam.trim() || team;
    const user = await unwrap(client.POST("/api/v1/users", { body: { name: name.trim(), role: roleOf(role), ...(chosen === "" ? {} : { team: chosen }) } }));
    await Promise.all([queries.invalidateQueries({ queryKey: [keys.users] }), queries.invalidateQueries({ queryKey: [keys.teams] })]);
    return user.name;
  });
  return (
    <Dialog onClose={onClose} title={t.addUser} closeButtonProps={{ "aria-label": strings.close }}>
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
          <NativeSelect label={t.role} data={roleChoices} data-testid="user-role" {...form.getInputProps("role")} />
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
    </Dialog>
  );
}
