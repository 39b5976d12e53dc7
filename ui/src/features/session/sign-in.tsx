import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useEffect, useState } from "react";

import { unwrap } from "../../api/client";
import { ApiError } from "../../api/error";
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
  const countdown = useCountdown();
  const signIn = useAction(async (values: typeof form.values) => {
    try {
      await unwrap(client.POST("/api/v1/sessions", { body: { user: values.user.trim(), password: values.password } }));
      return true;
    } catch (error) {
      if (error instanceof ApiError) countdown.start(error.retryAfterSeconds ?? 0);
      throw error;
    }
  });
  const wait = countdown.left;

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

/** Whole seconds left of what `start` was given. */
function useCountdown(): { left: number; start: (seconds: number) => void } {
  const [end, setEnd] = useState(0);
  const [left, setLeft] = useState(0);
  useEffect(() => {
    const timer = window.setInterval(() => setLeft(Math.max(0, Math.ceil((end - Date.now()) / 1_000))), 250);
    return () => window.clearInterval(timer);
  }, [end]);
  const start = (seconds: number) => {
    setEnd(Date.now() + seconds * 1_000);
    setLeft(seconds);
  };
  return { left, start };
}
