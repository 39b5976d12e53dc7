import { Button, Group, PasswordInput, Stack, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { unwrap } from "../../../api/client";
import { useGateway } from "../../../api/gateway";
import { keychainQuery, keys, sessionQuery } from "../../../api/queries";
import { recoveryMark } from "../../../api/recovery-mark";
import { useAction } from "../../../api/use-action";
import { useIsAdmin } from "../../../api/use-role";
import { useServiceState } from "../../../api/use-service-state";
import { Dialog } from "../../../components/dialog";
import { Mark } from "../../../components/mark";
import { SecretOnce } from "../../../components/secret-once";
import { Failure, Unread } from "../../../components/states";
import { dayAndTime } from "../../../components/time";
import { UntrustedText } from "../../../components/untrusted-text";
import { WhosePassword } from "../../../components/whose-password";
import { strings } from "../../../strings";
import { Section } from "../../../components/section";

const t = strings.settings.keychain;

/** Where the master key is, and the key for when it is lost. */
export function KeychainSection() {
  const { client } = useGateway();
  const keychain = useQuery(keychainQuery(client));
  const admin = useIsAdmin();
  const stopped = useServiceState() === "stopped";
  const [making, setMaking] = useState(false);
  if (keychain.data === undefined) return <Unread of={keychain} />;
  const now = keychain.data;
  return (
    <>
      <Section title={t.title} text={t.text}>
        <dl className="facts settings-facts">
          <dt>{t.state}</dt>
          <dd data-testid="keychain-state">
            {now.sealed ? <Mark tone="wait" icon="lock" label={t.sealed} /> : <Mark tone="allow" icon="check" label={t.open} />}
            {now.sealed_reason != null && <div className="dim">{now.sealed_reason}</div>}
          </dd>
          <dt>{t.home}</dt>
          <dd>
            {t.homes[now.home.split(":", 1)[0] ?? ""] ?? now.home}
            {now.home.startsWith("file:") && (
              <div>
                <code>
                  <UntrustedText text={now.home.slice(5)} />
                </code>
              </div>
            )}
          </dd>
          <dt>{t.generation}</dt>
          <dd>{t.generationOf(now.generation)}</dd>
        </dl>
      </Section>
      <Section
        title={t.recovery}
        text={t.recoveryText}
        action={
          admin && (
            <Button size="xs" variant="default" disabled={now.sealed || stopped} onClick={() => setMaking(true)} data-testid="recovery-new">
              {t.make}
            </Button>
          )
        }
      >
        <p className="note" data-testid="recovery-made">
          {now.recovery_made_at == null ? t.madeBefore : t.made(dayAndTime(now.recovery_made_at))}
        </p>
        {now.sealed && <p className="note dim">{t.unlockFirst}</p>}
      </Section>
      {making && <NewKey onClose={() => setMaking(false)} />}
    </>
  );
}

/** The password again, then the key, once. */
function NewKey({ onClose }: { onClose: () => void }) {
  const { client } = useGateway();
  const queries = useQueryClient();
  const user = useQuery(sessionQuery(client)).data?.user;
  const [made, setMade] = useState<string>();
  const form = useForm({ initialValues: { password: "" }, validate: { password: (value) => (value === "" ? t.passwordMissing : null) } });
  const make = useAction(async (password: string) => {
    const answer = await unwrap(client.POST("/api/v1/recovery-key", { body: { password } }));
    await queries.invalidateQueries({ queryKey: [keys.keychain] });
    return answer.recovery_key;
  });
  return (
    <Dialog onClose={onClose} title={made === undefined ? t.makeTitle : t.madeTitle} closeOnClickOutside={made === undefined} closeOnEscape={made === undefined} withCloseButton={made === undefined} closeButtonProps={{ "aria-label": strings.close }} size="lg">
      {made === undefined ? (
        <form
          noValidate
          onSubmit={form.onSubmit(async ({ password }) => {
            const key = await make.run(password);
            form.reset();
            if (key !== undefined) setMade(key);
          })}
        >
          <Stack>
            <Text size="sm">{t.makeText}</Text>
            {make.error && <Failure message={make.error.message} next={make.error.next} />}
            {user !== undefined && <WhosePassword user={user} />}
            <PasswordInput label={t.password} autoComplete="current-password" required data-autofocus data-testid="recovery-password" {...form.getInputProps("password")} />
            <Group justify="flex-end">
              <Button variant="default" onClick={onClose}>
                {strings.cancel}
              </Button>
              <Button type="submit" loading={make.pending} data-testid="recovery-make">
                {t.makeConfirm}
              </Button>
            </Group>
          </Stack>
        </form>
      ) : (
        <Stack>
          <Text size="sm">{t.shownOnce}</Text>
          <SecretOnce secret={made} label={t.recovery} copy={strings.copy} copied={strings.copied} copyFailed={strings.copyFailed} testId="recovery-key" />
          <Group justify="flex-end">
            <Button
              onClick={() => {
                recoveryMark.clear();
                onClose();
              }}
              data-testid="recovery-done"
            >
              {t.stored}
            </Button>
          </Group>
        </Stack>
      )}
    </Dialog>
  );
}
