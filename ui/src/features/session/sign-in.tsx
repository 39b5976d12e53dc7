import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useEffect, useState } from "react";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { useAction } from "../../api/use-action";
import { Failure } from "../../components/states";
import { strings } from "../../strings";

const t = strings.signIn;

export function SignIn({ onDone }: { onDone: () => void }) {
  const { client } = useGateway();
  const form = useForm({
    initialValues: { user: "", password: "" },
    validate: {
      user: (value) => (value.trim() === "" ? t.userMissing : null),
      password: (value) => (value === "" ? t.passwordMissing : null),
    },
  });
  const signIn = useAction(async (values: typeof form.values) => {
    await unwrap(client.POST("/api/v1/sessions", { body: { user: values.user.trim(), password: values.password } }));
    return true;
  });
  const wait = useCountdown(signIn.error?.retryAfterSeconds);

  return (
    <form
      noValidate
      onSubmit={form.onSubmit(async (values) => {
        const done = await signIn.run(values);
        form.setFieldValue("password", "");
        if (done) onDone();
      })}
    >
      <Stack>
        {signIn.error && <Failure message={signIn.error.message} next={wait > 0 ? t.wait(wait) : signIn.error.next} />}
        <TextInput label={t.user} autoComplete="username" autoFocus required data-testid="signin-user" {...form.getInputProps("user")} />
        <PasswordInput
          label={t.password}
          autoComplete="current-password"
          required
          data-testid="signin-password"
          {...form.getInputProps("password")}
        />
        <Button type="submit" loading={signIn.pending} disabled={wait > 0} data-testid="signin-submit">
          {wait > 0 ? t.submitIn(wait) : t.submit}
        </Button>
      </Stack>
    </form>
  );
}

/** Whole seconds left, from `seconds` down to 0. */
function useCountdown(seconds: number | undefined): number {
  const [left, setLeft] = useState(0);
  useEffect(() => {
    if (seconds === undefined) {
      setLeft(0);
      return;
    }
    const end = Date.now() + seconds * 1_000;
    setLeft(seconds);
    const timer = window.setInterval(() => setLeft(Math.max(0, Math.ceil((end - Date.now()) / 1_000))), 250);
    return () => window.clearInterval(timer);
  }, [seconds]);
  return left;
}
