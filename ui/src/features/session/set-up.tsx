import { Button, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { useAction } from "../../api/use-action";
import { Failure } from "../../components/states";
import { strings } from "../../strings";
import { isLongEnough, MIN_LENGTH } from "./password";
import { Strength } from "./strength";

const t = strings.setUp;

/** First run: the first admin. Hands on the recovery key, which is never shown again. */
export function SetUp({ withPassphrase, onDone }: { withPassphrase: boolean; onDone: (done: { recoveryKey: string; user: string }) => void }) {
  const { client } = useGateway();
  const form = useForm({
    initialValues: { admin: "", password: "", again: "", passphrase: "" },
    validate: {
      admin: (value) => (value.trim() === "" ? t.adminMissing : null),
      password: (value) => (isLongEnough(value) ? null : t.tooShort(MIN_LENGTH)),
      again: (value, values) => (value === values.password ? null : t.different),
      passphrase: (value) => (!withPassphrase || isLongEnough(value) ? null : t.tooShort(MIN_LENGTH)),
    },
  });
  const setUp = useAction(async (values: typeof form.values) => {
    const body = {
      admin: values.admin.trim(),
      password: values.password,
      ...(withPassphrase ? { passphrase: values.passphrase } : {}),
    };
    const done = await unwrap(client.POST("/api/v1/setup", { body }));
    return { recoveryKey: done.recovery_key, user: done.session.user };
  });

  return (
    <form
      noValidate
      onSubmit={form.onSubmit(async (values) => {
        const done = await setUp.run(values);
        if (done === undefined) return;
        form.reset();
        onDone(done);
      })}
    >
      <Stack>
        <Text size="sm">{t.intro}</Text>
        {setUp.error && <Failure message={setUp.error.message} next={setUp.error.next} />}
        <TextInput
          label={t.admin}
          description={t.adminHint}
          autoComplete="username"
          autoFocus
          required
          data-testid="setup-admin"
          {...form.getInputProps("admin")}
        />
        <PasswordInput
          label={t.password}
          description={t.passwordHint(MIN_LENGTH)}
          autoComplete="new-password"
          required
          data-testid="setup-password"
          {...form.getInputProps("password")}
        />
        <Strength password={form.values.password} known={[form.values.admin]} />
        <PasswordInput
          label={t.again}
          autoComplete="new-password"
          required
          data-testid="setup-password-again"
          {...form.getInputProps("again")}
        />
        {withPassphrase && (
          <PasswordInput
            label={t.passphrase}
            description={t.passphraseHint(MIN_LENGTH)}
            autoComplete="new-password"
            required
            data-testid="setup-passphrase"
            {...form.getInputProps("passphrase")}
          />
        )}
        <Button type="submit" loading={setUp.pending} data-testid="setup-submit">
          {t.submit}
        </Button>
      </Stack>
    </form>
  );
}
