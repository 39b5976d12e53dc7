import { Button, PasswordInput, Stack, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { useAction } from "../../api/use-action";
import { Dialog } from "../../components/dialog";
import { Failure } from "../../components/states";
import { WhosePassword } from "../../components/whose-password";
import { strings } from "../../strings";
import { isLongEnough, MIN_LENGTH } from "./password";

const t = strings.ownPassword;

/** One's own password. */
export function ChangePassword({ user, onClose }: { user: string; onClose: () => void }) {
  const { client } = useGateway();
  const [done, setDone] = useState(false);
  const form = useForm({
    initialValues: { current: "", new: "", again: "" },
    validate: {
      current: (value) => (value === "" ? t.currentMissing : null),
      // Counted as the gateway counts: by character, not by UTF-16 unit.
      new: (value) => (isLongEnough(value) ? null : t.tooShort(MIN_LENGTH)),
      again: (value, values) => (value === values.new ? null : t.different),
    },
  });
  const change = useAction(async (values: typeof form.values) => {
    await unwrap(client.PUT("/api/v1/session/password", { body: { current: values.current, new: values.new } }));
    return true;
  });
  return (
    <Dialog onClose={onClose} title={t.title} closeButtonProps={{ "aria-label": strings.close }}>
      {done ? (
        <Stack>
          <Text size="sm" role="status">
            {t.done}
          </Text>
          <Button onClick={onClose} data-autofocus data-testid="password-done">
            {strings.close}
          </Button>
        </Stack>
      ) : (
        <form
          noValidate
          onSubmit={form.onSubmit(async (values) => {
            const changed = await change.run(values);
            form.reset();
            if (changed) setDone(true);
          })}
        >
          <Stack>
            {change.error && <Failure message={change.error.message} next={change.error.next} />}
            <WhosePassword user={user} />
            <PasswordInput label={t.current} autoComplete="current-password" data-autofocus required data-testid="password-current" {...form.getInputProps("current")} />
            <PasswordInput label={t.new} description={t.newHint(MIN_LENGTH)} autoComplete="new-password" required data-testid="password-new" {...form.getInputProps("new")} />
            <PasswordInput label={t.again} autoComplete="new-password" required data-testid="password-again" {...form.getInputProps("again")} />
            <Button type="submit" loading={change.pending} data-testid="password-submit">
              {t.submit}
            </Button>
          </Stack>
        </form>
      )}
    </Dialog>
  );
}
