import { Button, Group } from "@mantine/core";
import { useState } from "react";

import { unwrap } from "../../../api/client";
import { useGateway } from "../../../api/gateway";
import { useAction } from "../../../api/use-action";
import { useIsAdmin } from "../../../api/use-role";
import { formatJson, type Json, parseJson } from "../../../components/json/json";
import { Icon } from "../../../components/icons";
import { LongText } from "../../../components/long-text";
import { Failure } from "../../../components/states";
import { strings } from "../../../strings";

const t = strings.audit.story;

/** What was kept, sealed, of one call. That it is opened is recorded, so nobody opens it unasked. */
export function Bodies({ call }: { call: string }) {
  const { client } = useGateway();
  const isAdmin = useIsAdmin();
  // Held here and nowhere else: gone when the drawer closes.
  const [shown, setShown] = useState<{ name: string; text: string }[]>();
  const open = useAction(async () => {
    // As text: JavaScript's numbers would round what was sent.
    const answer = unwrap<string>(client.GET("/api/v1/audit/bodies/{call_id}", { params: { path: { call_id: call } }, parseAs: "text" }));
    const body = parseJson(await answer);
    setShown([...part(body, "arguments", t.bodiesArguments), ...part(body, "result", t.bodiesResult)]);
  });
  return (
    <section className="card" aria-labelledby="story-bodies" data-testid="story-bodies">
      <h3 id="story-bodies">{t.bodies}</h3>
      {!isAdmin && <p className="note">{t.bodiesNotYou}</p>}
      {isAdmin && shown === undefined && (
        <Group gap="sm">
          <Button size="xs" variant="default" leftSection={<Icon name="lock" size={14} />} loading={open.pending} onClick={() => void open.run()} aria-describedby="story-bodies-warn" data-testid="bodies-open">
            {t.bodiesOpen}
          </Button>
          <span id="story-bodies-warn" className="note">
            {t.bodiesKept} {t.bodiesWarn}
          </span>
        </Group>
      )}
      {open.error && <Failure message={open.error.message} next={open.error.next} />}
      <div role="status">
        {shown?.length === 0 && <p className="note dim">{t.bodiesNone}</p>}
        {shown?.map(({ name, text }) => (
          <div key={name}>
            <h4 className="part-title">{name}</h4>
            <pre className="body-text" data-testid="bodies-text">
              <LongText text={text} />
            </pre>
          </div>
        ))}
      </div>
      {shown !== undefined && (
        <Button size="compact-xs" variant="subtle" onClick={() => setShown(undefined)} data-testid="bodies-hide">
          {t.bodiesHide}
        </Button>
      )}
    </section>
  );
}

function part(body: Json | undefined, field: string, name: string): { name: string; text: string }[] {
  const value = body?.kind === "object" ? body.entries.find(([known]) => known === field)?.[1] : undefined;
  if (value === undefined || (value.kind === "literal" && value.text === "null")) return [];
  return [{ name, text: formatJson(value) }];
}
