import { strings } from "../strings";
import { itemOf } from "../strings/items";
import { Icon, type IconName } from "./icons";
import { UntrustedText } from "./untrusted-text";

export type Kind = "tool" | "prompt" | "resource" | "template";

const ICONS: Record<Kind, IconName> = { tool: "tool", prompt: "speech", resource: "page", template: "pages" };

/** What is no tool says so, as icon and word. */
export function KindMark({ kind }: { kind: Kind }) {
  return (
    <span className="kind-mark" data-kind={kind}>
      <Icon name={ICONS[kind]} size={13} /> {strings.tools.kinds[kind]}
    </span>
  );
}

/** The id of a tool, a prompt or a resource: of whatever length, a few lines, and the whole in its title. */
export function ToolName({ id, kind = itemOf(id).kind }: { id: string; kind?: Kind | undefined }) {
  return (
    <>
      {kind !== "tool" && (
        <>
          <KindMark kind={kind} />{" "}
        </>
      )}
      <code className="tool-name" title={id}>
        <UntrustedText text={id} />
      </code>
    </>
  );
}
