import { Button, NativeSelect } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { keys } from "../../api/queries";
import type { Role, Tool, ToolEffect } from "../../api/types";
import { useAction } from "../../api/use-action";
import { useServiceState } from "../../api/use-service-state";
import { Mark } from "../../components/mark";
import { dayAndTime } from "../../components/time";
import { ToolName } from "../../components/tool-name";
import { UntrustedText } from "../../components/untrusted-text";
import { strings } from "../../strings";

const t = strings.tools;
const EFFECTS: readonly ToolEffect[] = ["read", "write", "destructive"];

export function ToolRow({ tool, isNew, role, onRecording, onReview }: { tool: Tool; isNew: boolean; role: Role; onRecording: (tool: string) => void; onReview: (tool: string) => void }) {
  const seen = tool.first_seen_at ? dayAndTime(tool.first_seen_at) : undefined;
  const isTool = (tool.kind ?? "tool") === "tool";
  return (
    <tr data-testid={`tool-row-${tool.id}`}>
      <th scope="row">
        <ToolName id={tool.id} kind={tool.kind} />
        {tool.changed === true && (
          <div className="tool-changed">
            <Mark tone="wait" icon="alert" label={strings.definition.changed} />
            <Button size="compact-xs" variant="default" aria-label={strings.definition.reviewOf(tool.id)} onClick={() => onReview(tool.id)} data-testid={`review-${tool.id}`}>
              {strings.definition.review}
            </Button>
          </div>
        )}
        <div className="dim clamp">{tool.description === "" ? t.noDescription : <UntrustedText text={tool.description} />}</div>
      </th>
      <td>{role === "admin" && isTool ? <EffectField tool={tool} /> : <EffectWord tool={tool} />}</td>
      <td className="nowrap" title={seen}>
        {isNew && (
          <div>
            <Mark tone="wait" icon="alert" label={t.isNew} />
          </div>
        )}
        {seen !== undefined && <span className="dim first-seen">{seen}</span>}
      </td>
      {role !== "member" && (
        <td className="nowrap">{tool.granted ? <Mark tone="allow" icon="check" label={t.yes} /> : <Mark tone="neutral" icon="dash" label={t.no} />}</td>
      )}
      <td className="end">
        <Button size="compact-xs" variant="subtle" aria-label={strings.recording.of(tool.id)} onClick={() => onRecording(tool.id)} data-testid={`recording-${tool.id}`}>
          {strings.recording.button}
        </Button>
      </td>
    </tr>
  );
}

function EffectWord({ tool }: { tool: Tool }) {
  if (tool.kind !== undefined && tool.kind !== "tool") return <span className="dim">{t.readAsIs(tool.kind)}</span>;
  return <span className={tool.effect == null ? "dim" : undefined}>{t.effects[tool.effect ?? "none"]}</span>;
}

/** What a tool does is an admin's word; its server's is only offered. Never optimistic. */
function EffectField({ tool }: { tool: Tool }) {
  const { client } = useGateway();
  const queries = useQueryClient();
  const stopped = useServiceState() === "stopped";
  const confirm = useAction(async (effect: ToolEffect | null) => {
    try {
      await unwrap(client.PUT("/api/v1/tools/{id}/effect", { params: { path: { id: tool.id } }, body: { effect, version: tool.effect_version ?? 0 } }));
    } finally {
      await queries.invalidateQueries({ queryKey: [keys.tools] });
      void queries.invalidateQueries({ queryKey: [keys.grants] });
    }
  });
  const suggested = tool.suggested_effect ?? undefined;
  const stale = confirm.error?.code === "stale" ? (confirm.error.current as Partial<Tool> | undefined) : undefined;
  return (
    <div className="effect-field">
      <NativeSelect
        size="xs"
        aria-label={t.effectOf(tool.id)}
        value={tool.effect ?? "none"}
        disabled={stopped || confirm.pending}
        onChange={(event) => void confirm.run(EFFECTS.find((effect) => effect === event.currentTarget.value) ?? null)}
        data={[{ value: "none", label: t.effects.none }, ...EFFECTS.map((value) => ({ value, label: t.effects[value] }))]}
        data-testid={`effect-${tool.id}`}
      />
      {tool.effect == null && suggested !== undefined && (
        <div className="effect-suggestion">
          <span className="dim">{t.suggested(t.effects[suggested])}</span>
          <Button size="compact-xs" variant="subtle" disabled={stopped} loading={confirm.pending} onClick={() => void confirm.run(suggested)} data-testid={`confirm-${tool.id}`}>
            {t.confirm(t.effects[suggested])}
          </Button>
        </div>
      )}
      {confirm.error && (
        <div role="alert" data-tone="deny" className="small">
          {confirm.error.code === "stale" ? t.stale(t.effects[stale?.effect ?? "none"]) : `${confirm.error.message} ${confirm.error.next}`}
        </div>
      )}
    </div>
  );
}
