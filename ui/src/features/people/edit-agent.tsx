import { Button, NativeSelect, Stack, TagsInput, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { keys } from "../../api/queries";
import type { Agent } from "../../api/types";
import { useAction } from "../../api/use-action";
import { Dialog } from "../../components/dialog";
import { Failure } from "../../components/states";
import { dayAndTime } from "../../components/time";
import { strings } from "../../strings";
import { limitsOf, validateLimits } from "./agent-fields";
import { StaleNotice } from "../../components/stale-notice";

const t = strings.people;
const DAYS = [1, 7, 30, 90];

/** What an agent may at most, and for how long. Its token stays. */
export function EditAgent({ agent, onClose }: { agent: Agent; onClose: () => void }) {
  const { client } = useGateway();
  const queries = useQueryClient();
  // As first opened: what others change meanwhile is a conflict, not a new start.
  const [opened] = useState(agent);
  const form = useForm({
    initialValues: {
      scope: agent.scope,
      expires: agent.expires_at == null ? "" : "keep",
      maxUses: agent.max_uses?.toString() ?? "",
      clientTimeout: agent.client_timeout_seconds.toString(),
    },
    validate: validateLimits,
  });
  const { values } = form;
  const expires = values.expires === "keep" ? (opened.expires_at ?? null) : values.expires === "" ? null : values.expires;
  const save = useAction(async (version: number) => {
    const body = { scope: values.scope, expires, ...limitsOf(values), version };
    try {
      await unwrap(client.PUT("/api/v1/users/{name}/agents/{agent}", { params: { path: { name: agent.user, agent: agent.name } }, body }));
    } finally {
      await Promise.all([keys.agents, keys.tools].map((key) => queries.invalidateQueries({ queryKey: [key] })));
    }
    onClose();
  });
  const now = save.error?.code === "stale" ? (save.error.current as Agent | undefined) : undefined;
  const words = (shown: Pick<Agent, "scope" | "max_uses"> & { end: string | null | undefined; timeout: number | null }) => ({
    scope: shown.scope.join(" ") || t.fullScope,
    expires: shown.end == null ? t.noExpiry : Number.isNaN(Date.parse(shown.end)) ? shown.end : dayAndTime(shown.end),
    uses: shown.max_uses?.toString() ?? "–",
    timeout: String(shown.timeout ?? 60),
  });
  const mine = words({ scope: values.scope, end: expires, max_uses: limitsOf(values).max_uses, timeout: limitsOf(values).client_timeout_seconds });
  const theirs = now && words({ ...now, end: now.expires_at, timeout: now.client_timeout_seconds });

  return (
    <Dialog onClose={onClose} title={t.editAgentTitle(`${agent.user} / ${agent.name}`)} closeButtonProps={{ "aria-label": strings.close }}>
      <form noValidate onSubmit={form.onSubmit(() => void save.run(opened.version))}>
        <Stack>
          {save.error && !now && <Failure message={save.error.message} next={save.error.next} />}
          {now && theirs && (
            <StaleNotice
              rows={[
                { name: t.scope, mine: mine.scope, theirs: theirs.scope },
                { name: t.expires, mine: mine.expires, theirs: theirs.expires },
                { name: t.maxUses, mine: mine.uses, theirs: theirs.uses },
                { name: t.clientTimeout, mine: mine.timeout, theirs: theirs.timeout },
              ]}
              pending={save.pending}
              onOverwrite={() => void save.run(now.version)}
            />
          )}
          <TagsInput label={t.scope} description={t.scopeHint} placeholder={values.scope.length === 0 ? "gmail.*" : ""} splitChars={[",", " "]} acceptValueOnBlur data-testid="agent-scope" {...form.getInputProps("scope")} />
          <NativeSelect
            label={t.expires}
            data={[
              ...(opened.expires_at == null ? [] : [{ value: "keep", label: t.keepExpiry(dayAndTime(opened.expires_at)) }]),
              { value: "", label: t.noExpiry },
              ...DAYS.map((days) => ({ value: `${days}d`, label: t.days(days) })),
            ]}
            data-testid="agent-expires"
            {...form.getInputProps("expires")}
          />
          <TextInput label={t.maxUses} description={t.maxUsesHint} inputMode="numeric" data-testid="agent-max-uses" {...form.getInputProps("maxUses")} />
          <TextInput label={t.clientTimeout} description={t.clientTimeoutHint} inputMode="numeric" data-testid="agent-timeout" {...form.getInputProps("clientTimeout")} />
          <div className="dialog-actions">
            <Button fullWidth type="submit" loading={save.pending} disabled={now !== undefined} data-testid="agent-save">
              {t.save}
            </Button>
          </div>
        </Stack>
      </form>
    </Dialog>
  );
}
