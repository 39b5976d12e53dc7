import { Button, NativeSelect, Stack, TagsInput, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { useAction } from "../../api/use-action";
import { Dialog } from "../../components/dialog";
import { Failure } from "../../components/states";
import { strings } from "../../strings";
import { type AgentLimits, limitsOf, validateLimits } from "./agent-fields";

const t = strings.people;
const DAY_SECONDS = 86_400;

const LIFETIMES = [
  { value: String(DAY_SECONDS), label: t.days(1) },
  { value: String(7 * DAY_SECONDS), label: t.days(7) },
  { value: String(30 * DAY_SECONDS), label: t.days(30) },
  { value: String(90 * DAY_SECONDS), label: t.days(90) },
  { value: "", label: t.noExpiry },
];

interface AddAgentProps {
  user: string;
  onClose: () => void;
  onAdded: (agent: { name: string; token: string }) => void;
}

export function AddAgent({ user, onClose, onAdded }: AddAgentProps) {
  const { client } = useGateway();
  const form = useForm<{ name: string; scope: string[]; ttl: string } & AgentLimits>({
    initialValues: { name: "", scope: [], ttl: String(90 * DAY_SECONDS), maxUses: "", clientTimeout: "" },
    validate: { name: (value) => (value.trim() === "" ? t.nameMissing : null), ...validateLimits },
  });
  const add = useAction(async ({ name, scope, ttl, ...limits }: typeof form.values) => {
    const body = { name: name.trim(), scope, ttl_seconds: ttl === "" ? null : Number(ttl), ...limitsOf(limits) };
    const agent = await unwrap(client.POST("/api/v1/users/{name}/agents", { params: { path: { name: user } }, body }));
    return { name: agent.name, token: agent.token };
  });
  return (
    <Dialog onClose={onClose} title={t.addAgentTitle(user)} closeButtonProps={{ "aria-label": strings.close }}>
      <form
        noValidate
        onSubmit={form.onSubmit(async (values) => {
          const agent = await add.run(values);
          if (agent !== undefined) onAdded(agent);
        })}
      >
        <Stack>
          {add.error && <Failure message={add.error.message} next={add.error.next} />}
          <TextInput
            label={t.name}
            description={t.agentNameHint}
            autoComplete="off"
            data-autofocus
            required
            data-testid="agent-name"
            {...form.getInputProps("name")}
          />
          <TagsInput
            label={t.scope}
            description={t.scopeHint}
            placeholder={form.values.scope.length === 0 ? "gmail.*" : ""}
            splitChars={[",", " "]}
            acceptValueOnBlur
            data-testid="agent-scope"
            {...form.getInputProps("scope")}
          />
          <NativeSelect label={t.expires} data={LIFETIMES} data-testid="agent-ttl" {...form.getInputProps("ttl")} />
          <TextInput label={t.maxUses} description={t.maxUsesHint} inputMode="numeric" data-testid="agent-max-uses" {...form.getInputProps("maxUses")} />
          <TextInput label={t.clientTimeout} description={t.clientTimeoutHint} placeholder="60" inputMode="numeric" data-testid="agent-timeout" {...form.getInputProps("clientTimeout")} />
          <div className="dialog-actions">
            <Button fullWidth type="submit" loading={add.pending} data-testid="agent-submit">
              {t.addAgent}
            </Button>
          </div>
        </Stack>
      </form>
    </Dialog>
  );
}
