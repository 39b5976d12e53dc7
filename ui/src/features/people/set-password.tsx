import { Button, PasswordInput, Stack, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQueryClient } from "@tanstack/react-query";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { keys } from "../../api/queries";
import { useAction } from "../../api/use-action";
import { Dialog } from "../../components/dialog";
import { Failure } from "../../components/states";
import { WhosePassword } from "../../components/whose-password";
import { strings } from "../../strings";

const t = strings.people;
const MIN_LENGTH = 10;

/** With a password a person can sign in. */
export function SetPassword({ user, onClose }: { user: string; onClose: () => void }) {
  const { client } = useGateway();
  const queries = useQueryClient();
  const form = useForm({
    initialValues: { password: "", again: "" },
    validate: {
      // Counted as the gateway counts: by character, not by UTF-16 unit.
      password: (value) => (Array.from(value).length < MIN_LENGTH ? t.passwordShort(MIN_LENGTH) : null),
      again: (value, values) => (value === values.password ? null : t.passwordsDiffer),
    },
  });
  const save = useAction(async (password: string) => {
    await unwrap(client.PUT("/api/v1/users/{name}/password", { params: { path: { name: user } }, body: { password } }));
    await queries.invalidateQueries({ queryKey: [keys.users] });
    onClose();
  });
  return (
    <Dialog onClose={onClose} title={t.passwordTitle(user)} closeButtonProps={{ "aria-label": strings.close }}>
      <form
        noValidate
        onSubmit={form.onSubmit((values) => {
          form.reset();
          void save.run(values.password);
        })}
      >
        <Stack>
          <Text size="sm">{t.passwordText}</Text>
          {save.error && <Failure message={save.error.message} next={save.error.next} />}
          <WhosePassword user={user} />
          <PasswordInput label={t.password} description={t.passwordHint(MIN_LENGTH)} autoComplete="new-password" data-autofocus required data-testid="user-password" {...form.getInputProps("password")} />
          <PasswordInput label={t.passwordAgain} autoComplete="new-password" required data-testid="user-password-again" {...form.getInputProps("again")} />
          <Button type="submit" loading={save.pending} data-testid="user-password-save">
            {t.savePassword}
          </Button>
        </Stack>
      </form>
    </Dialog>
  );
}
