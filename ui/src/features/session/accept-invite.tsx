import { Button, PasswordInput, Stack, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useEffect, useState } from "react";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { useAction } from "../../api/use-action";
import { Failure, Loading } from "../../components/states";
import { WhosePassword } from "../../components/whose-password";
import { strings } from "../../strings";
import { isLongEnough, MIN_LENGTH } from "./password";
import { Strength } from "./strength";

const t = strings.invites.accept;

interface AcceptInviteProps {
  /** The last part of the link; held in memory alone, and gone with this page. */
  secret: string;
  /** Once it is known whose invite it is. */
  onUser: (user: string) => void;
  onDone: () => void;
}

/** Whoever has the link chooses a password, and is signed in. */
export function AcceptInvite({ secret, onUser, onDone }: AcceptInviteProps) {
  const { client } = useGateway();
  const [user, setUser] = useState<string>();
  const form = useForm({
    initialValues: { password: "", again: "" },
    validate: {
      password: (value) => (isLongEnough(value) ? null : t.tooShort(MIN_LENGTH)),
      again: (value, values) => (value === values.password ? null : t.different),
    },
  });
  const look = useAction(async () => {
    const shown = await unwrap(client.POST("/api/v1/invites/look", { body: { secret } }));
    setUser(shown.user);
    onUser(shown.user);
  });
  // Once for each page: it counts as an attempt.
  useEffect(() => {
    if (secret !== "") void look.run();
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);
  const accept = useAction(async (password: string) => {
    await unwrap(client.POST("/api/v1/invites/accept", { body: { secret, password } }));
    return true;
  });
  const failure = look.error ?? accept.error;

  if (secret === "") return <Text size="sm">{t.lost}</Text>;
  if (user === undefined && failure === undefined) return <Loading label={t.checking} as="form" />;
  return (
    <Stack>
      {failure && <Failure message={failure.message} next={failure.next} />}
      {user === undefined ? (
        <Button variant="default" onClick={onDone} data-testid="invite-sign-in">
          {t.toSignIn}
        </Button>
      ) : (
        <form
          noValidate
          onSubmit={form.onSubmit(async ({ password }) => {
            const done = await accept.run(password);
            form.reset();
            if (done) onDone();
          })}
        >
          <Stack>
            <Text size="sm">{t.text}</Text>
            <WhosePassword user={user} />
            <PasswordInput label={t.password} description={t.passwordHint(MIN_LENGTH)} autoComplete="new-password" autoFocus required data-testid="invite-password" {...form.getInputProps("password")} />
            <Strength password={form.values.password} known={[user]} />
            <PasswordInput label={t.again} autoComplete="new-password" required data-testid="invite-again" {...form.getInputProps("again")} />
            <Button type="submit" loading={accept.pending} data-testid="invite-submit">
              {t.submit}
            </Button>
          </Stack>
        </form>
      )}
    </Stack>
  );
}
