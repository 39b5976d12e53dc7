import { Alert, Button, NativeSelect, Stack, TagsInput, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { authorityQuery, keys, sharingQuery } from "../../api/queries";
import type { InviteCreated, Team } from "../../api/types";
import { useAction } from "../../api/use-action";
import { CopyLine } from "../../components/copy-line";
import { Dialog } from "../../components/dialog";
import { Icon } from "../../components/icons";
import { SecretOnce } from "../../components/secret-once";
import { Failure } from "../../components/states";
import { strings } from "../../strings";
import { roleChoices, roleOf } from "./edit-user";

const t = strings.invites;
const DAY = 24 * 3_600;
const DAYS = [1, 3, 7].map((days) => ({ value: String(days * DAY), label: t.days(days) }));

interface InviteDialogProps {
  /** Somebody who is there and cannot sign in yet; else somebody new. */
  user?: string;
  teams: readonly Team[];
  sharingHref: string;
  onClose: () => void;
}

/** Makes an invite; its link is held here alone, until it is said to be sent. */
export function InviteDialog({ user, teams, sharingHref, onClose }: InviteDialogProps) {
  const { client } = useGateway();
  const queries = useQueryClient();
  const [made, setMade] = useState<InviteCreated>();
  const sharing = useQuery(sharingQuery(client)).data;
  const authority = useQuery(authorityQuery(client)).data;
  const form = useForm({
    initialValues: { user: user ?? "", role: "member", teams: [] as string[], ttl: String(7 * DAY) },
    validate: { user: (value) => (value.trim() === "" ? t.userMissing : null) },
  });
  const make = useAction(async ({ user: name, role, teams: joined, ttl }: typeof form.values) => {
    const as = user === undefined ? { role: roleOf(role), teams: joined } : { teams: [] };
    setMade(await unwrap(client.POST("/api/v1/invites", { body: { user: name.trim(), ttl_seconds: Number(ttl), ...as } })));
    await Promise.all([keys.invites, keys.users, keys.teams].map((key) => queries.invalidateQueries({ queryKey: [key] })));
  });
  if (made) {
    return (
      <Dialog onClose={onClose} title={t.linkTitle(made.invite.user)} closeOnClickOutside={false} closeOnEscape={false} withCloseButton={false}>
        <Stack>
          <Text size="sm">{t.linkOnce}</Text>
          <SecretOnce secret={made.link} label={t.link} copy={strings.copy} copied={strings.copied} copyFailed={strings.copyFailed} testId="invite-link" />
          {!made.shared && <OnlyHere text={t.onlyHere} sharingHref={sharingHref} />}
          {made.shared && authority?.in_use === true && (
            <>
              <Text size="sm">{t.warns}</Text>
              <CopyLine text={authority.fingerprint} label={strings.sharing.fingerprint} testId="invite-fingerprint" />
            </>
          )}
          <Button onClick={onClose} data-testid="invite-sent">
            {t.sent}
          </Button>
        </Stack>
      </Dialog>
    );
  }
  return (
    <Dialog onClose={onClose} title={t.invite} closeButtonProps={{ "aria-label": strings.close }}>
      <form noValidate onSubmit={form.onSubmit((values) => void make.run(values))}>
        <Stack>
          <Text size="sm">{t.text}</Text>
          {sharing !== undefined && sharing.state !== "listening" && <OnlyHere text={t.onlyHereYet} sharingHref={sharingHref} />}
          {make.error && <Failure message={make.error.message} next={make.error.next} />}
          <TextInput label={t.user} autoComplete="off" data-autofocus={user === undefined} readOnly={user !== undefined} required data-testid="invite-user" {...form.getInputProps("user")} />
          {user === undefined && (
            <>
              <NativeSelect label={t.role} data={roleChoices} data-testid="invite-role" {...form.getInputProps("role")} />
              <TagsInput label={t.teams} description={t.teamsHint} data={teams.map((team) => team.name)} data-testid="invite-teams" {...form.getInputProps("teams")} />
            </>
          )}
          <NativeSelect label={t.expires} data={DAYS} data-testid="invite-ttl" {...form.getInputProps("ttl")} />
          <Button type="submit" loading={make.pending} data-testid="invite-make">
            {t.make}
          </Button>
        </Stack>
      </form>
    </Dialog>
  );
}

/** Better said before the link is made, too. */
function OnlyHere({ text, sharingHref }: { text: string; sharingHref: string }) {
  return (
    <Alert variant="light" icon={<Icon name="alert" />} className="notice" data-tone="wait" role="status" data-testid="invite-only-here">
      <Text size="sm">{text}</Text>
      <Button component="a" href={sharingHref} size="xs" variant="default" mt="xs">
        {t.share}
      </Button>
    </Alert>
  );
}
