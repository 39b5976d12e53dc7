import { Button, Group, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { unwrap } from "../../../api/client";
import { useGateway } from "../../../api/gateway";
import { keys } from "../../../api/queries";
import { useAction } from "../../../api/use-action";
import { useServiceState } from "../../../api/use-service-state";
import { Confirm } from "../../../components/dialogs";
import { Failure } from "../../../components/states";
import { strings } from "../../../strings";

const t = strings.audit.erase;

/** Takes a removed person's name and words out of the trail, and leaves its proof. */
export function Erase() {
  const { client } = useGateway();
  const queries = useQueryClient();
  const stopped = useServiceState() === "stopped";
  const form = useForm({ initialValues: { user: "" }, validate: { user: (value) => (value.trim() === "" ? t.userMissing : null) } });
  const [asking, setAsking] = useState<string>();
  const [done, setDone] = useState<string>();
  const erase = useAction(async (user: string) => {
    const erased = await unwrap(client.POST("/api/v1/audit/erase", { body: { user } }));
    setAsking(undefined);
    setDone(t.done(erased.user, erased.records));
    form.reset();
    await queries.invalidateQueries({ queryKey: [keys.audit] });
  });
  return (
    <section className="panel padded titled" aria-labelledby="erase-title">
      <h2 id="erase-title">{t.title}</h2>
      <p className="note dim">{t.intro}</p>
      <form
        noValidate
        onSubmit={form.onSubmit(({ user }) => {
          erase.clear();
          setDone(undefined);
          setAsking(user.trim());
        })}
      >
        <Group align="end" gap="sm">
          <TextInput label={t.user} description={t.userHint} autoComplete="off" w={280} disabled={stopped} data-testid="erase-user" {...form.getInputProps("user")} />
          <Button type="submit" variant="default" className="danger" disabled={stopped} data-testid="erase">
            {t.open}
          </Button>
        </Group>
      </form>
      <p role="status" className="note" data-testid="erase-done">
        {done}
      </p>
      <Confirm
        opened={asking !== undefined}
        title={t.confirmTitle(asking ?? "")}
        confirm={t.confirm}
        cancel={strings.cancel}
        pending={erase.pending}
        onConfirm={() => asking !== undefined && void erase.run(asking)}
        onCancel={() => setAsking(undefined)}
      >
        <Text size="sm">{t.confirmGoes}</Text>
        <Text size="sm">{t.confirmStays}</Text>
        <Text size="sm">{t.confirmElse}</Text>
        {erase.error && <Failure message={erase.error.message} next={erase.error.next} />}
      </Confirm>
    </section>
  );
}
