import { Button, Stack, Textarea } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useEffect, useRef, useState } from "react";

import { unwrap } from "../../../api/client";
import { useGateway } from "../../../api/gateway";
import type { Explanation } from "../../../api/types";
import { useAction } from "../../../api/use-action";
import { useIsAdmin } from "../../../api/use-role";
import { Icon } from "../../../components/icons";
import { Failure } from "../../../components/states";
import { strings } from "../../../strings";
import { SubjectSelect, ToolInput } from "../subject-select";
import { useGrantDialogs } from "../use-grant-dialogs";
import { ExplanationView } from "./explanation";
import "../grants.css";

const t = strings.grants.why;
/** What a grant would mend. */
const GRANTABLE = new Set(["not_granted", "out_of_scope"]);

interface Asked {
  caller: string;
  tool: string;
}

/** Why a call would be decided as it would be now. */
export function ExplainPanel({ caller, tool }: { caller?: string | undefined; tool?: string | undefined }) {
  const { client } = useGateway();
  const mayChange = useIsAdmin();
  const { open, dialogs } = useGrantDialogs();
  const [answer, setAnswer] = useState<{ explanation: Explanation; of: Asked }>();
  const form = useForm({
    initialValues: { caller: caller ?? "", tool: tool ?? "", args: "" },
    validate: {
      caller: (value) => (value === "" ? t.callerMissing : null),
      tool: (value) => (value.trim() === "" ? t.toolMissing : null),
    },
  });
  const explain = useAction(async ({ caller: who, tool: what, args }: typeof form.values) => {
    const of = { caller: who, tool: what.trim() };
    const body = { ...of, ...(args.trim() === "" ? {} : { args }) };
    setAnswer({ explanation: await unwrap(client.POST("/api/v1/explain", { body })), of });
  });
  // Whoever comes from a call or a cell has asked already.
  const given = caller !== undefined && tool !== undefined;
  const asked = useRef(false);
  useEffect(() => {
    if (!given || asked.current) return;
    asked.current = true;
    void explain.run(form.getValues());
  }, [given, explain, form]);
  const told = (
    <>
      {explain.error && <Failure message={explain.error.message} next={explain.error.next} />}
      <div role="status">
        {answer && (
          <ExplanationView explanation={answer.explanation}>
            {mayChange && GRANTABLE.has(answer.explanation.reason) && (
              <Button size="xs" variant="default" leftSection={<Icon name="key" size={14} />} onClick={() => open({ subject: answer.of.caller, tool: answer.of.tool })} data-testid="explain-grant">
                {t.grantThis}
              </Button>
            )}
          </ExplanationView>
        )}
      </div>
    </>
  );
  return (
    <Stack gap="sm">
      <p className="dim note">{t.intro}</p>
      {given && told}
      <form noValidate onSubmit={form.onSubmit((values) => void explain.run(values))} data-testid="explain">
        <Stack gap="sm">
          <div className="two-columns">
            <SubjectSelect
              label={t.caller}
              callersOnly
              value={form.values.caller === "" ? undefined : form.values.caller}
              error={form.errors.caller}
              onChange={(value) => form.setFieldValue("caller", value ?? "")}
              testId="explain-caller"
            />
            <ToolInput label={t.tool} value={form.values.tool} error={form.errors.tool} onChange={(value) => form.setFieldValue("tool", value)} testId="explain-tool" />
          </div>
          <Textarea
            label={t.args}
            description={t.argsHint}
            placeholder='{"to": ["bo@acme.com"]}'
            className="mono"
            autosize
            minRows={2}
            maxRows={10}
            spellCheck={false}
            data-testid="explain-args"
            {...form.getInputProps("args")}
          />
          <Button type="submit" w="fit-content" size="xs" leftSection={<Icon name="question" size={14} />} loading={explain.pending} data-testid="explain-ask">
            {t.ask}
          </Button>
        </Stack>
      </form>
      {!given && told}
      {dialogs}
    </Stack>
  );
}
