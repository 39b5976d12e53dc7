import { Button, Code, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { useGateway } from "../../api/gateway";
import { toolQuery } from "../../api/queries";
import type { Connection, Tool } from "../../api/types";
import { Mark } from "../../components/mark";
import { Loading } from "../../components/states";
import { ToolName } from "../../components/tool-name";
import { UntrustedText } from "../../components/untrusted-text";
import { usePaging } from "../../components/use-paging";
import { strings } from "../../strings";
import type { ToolSlots } from "./slots";

const t = strings.connections;
/** Of tools, of prompts, of resources. */
const STEP = 25;
/** Characters; the page of tools has the whole. */
const SCHEMA_SHOWN = 4_000;

const KINDS = [
  { title: strings.tools.kindsOf.tool, kinds: ["tool"] },
  { title: strings.tools.kindsOf.prompt, kinds: ["prompt"] },
  { title: strings.tools.kindsOf.resource, kinds: ["resource", "template"] },
];

interface ToolListProps extends ToolSlots {
  tools: readonly Tool[] | undefined;
  refused: Connection["refused_tools"];
}

/** What a connection offers: what each is, does, and who may use it. */
export function ToolList({ tools, refused, ...slots }: ToolListProps) {
  return (
    <>
      {tools === undefined && <Loading label={strings.loading} />}
      {tools?.length === 0 && (
        <Text size="sm" c="dimmed">
          {t.noTools}
        </Text>
      )}
      {KINDS.map(({ title, kinds }) => (
        <KindList key={title} {...slots} title={title} tools={(tools ?? []).filter((tool) => kinds.includes(tool.kind ?? "tool"))} />
      ))}
      {refused.length > 0 && (
        <>
          <h3>{t.refused}</h3>
          <ul className="refused">
            {refused.map((tool) => (
              <li key={tool.name}>
                <code>
                  <UntrustedText text={tool.name} />
                </code>{" "}
                <span data-tone="wait">
                  <UntrustedText text={tool.reason} />
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function KindList({ title, tools, Access, Review }: ToolSlots & { title: string; tools: readonly Tool[] }) {
  const { shown, left, more } = usePaging(tools, STEP);
  const [reviewing, setReviewing] = useState<string>();
  if (tools.length === 0) return null;
  return (
    <section className="kind-list" aria-label={title}>
      <h3>
        {title} <span className="dim">{tools.length.toLocaleString("en")}</span>
      </h3>
      {shown.map((tool) => (
        <ToolItem key={tool.id} tool={tool} Access={Access} onReview={() => setReviewing(tool.id)} />
      ))}
      {left > 0 && (
        <Button size="xs" variant="default" w="fit-content" onClick={more}>
          {strings.tools.more(left)}
        </Button>
      )}
      {reviewing !== undefined && <Review tool={reviewing} onClose={() => setReviewing(undefined)} />}
    </section>
  );
}

function ToolItem({ tool, Access, onReview }: { tool: Tool; Access: ToolSlots["Access"]; onReview: () => void }) {
  const [open, setOpen] = useState(false);
  const isTool = (tool.kind ?? "tool") === "tool";
  return (
    <details className="tool" data-testid={`tool-${tool.id}`} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <ToolName id={tool.id} kind={tool.kind === "template" ? "template" : "tool"} />
        <span className="tool-marks">
          {isTool && <span className="dim">{effectOf(tool)}</span>}
          {tool.changed === true && <Mark tone="wait" icon="alert" label={strings.definition.changed} />}
          {tool.granted === true ? <Mark tone="allow" icon="check" label={t.granted} /> : <Mark tone="neutral" icon="dash" label={t.ungranted} />}
        </span>
      </summary>
      <p className="dim prose">{tool.description === "" ? t.noDescription : <UntrustedText text={tool.description} />}</p>
      <p className="dim">
        {t.mcpName}{" "}
        <code>
          <UntrustedText text={tool.mcp_name} />
        </code>
      </p>
      {tool.changed === true && (
        <Button size="compact-xs" variant="default" aria-label={strings.definition.reviewOf(tool.id)} onClick={onReview} data-testid={`review-${tool.id}`}>
          {strings.definition.review}
        </Button>
      )}
      {open && <Definition id={tool.id} />}
      {open && <Access tool={tool} />}
    </details>
  );
}

/** What its arguments are, as its server defines them. */
function Definition({ id }: { id: string }) {
  const { client } = useGateway();
  const schema = useQuery(toolQuery(client, id)).data?.input_schema;
  if (schema === undefined) return null;
  return (
    <Code block className="stderr" tabIndex={0} aria-label={t.argumentsOf(id)}>
      <UntrustedText text={JSON.stringify(schema, null, 2)} limit={SCHEMA_SHOWN} />
    </Code>
  );
}

/** What it does, as an admin confirmed it, else as its server says. */
function effectOf(tool: Tool): string {
  if (tool.effect != null) return strings.tools.effects[tool.effect];
  return tool.suggested_effect == null ? strings.tools.effects.none : t.saysItself(strings.tools.effects[tool.suggested_effect]);
}
