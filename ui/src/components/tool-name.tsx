import { strings } from "../strings";
import { itemOf } from "../strings/items";
import { Icon, type IconName } from "./icons";
import { UntrustedText } from "./untrusted-text";

type Kind = "tool" | "prompt" | "resource" | "template";

const ICONS: Record<Kind, IconName> = { tool: "tool", prompt: "speech", resource: "page", template: "pages" };

/** What is no tool says so, as icon and word. */
export function KindMark({ kind }: { kind: Kind }) {
  return (
    <span className="kind-mark" data-kind={kind}>
      <Icon name={ICONS[kind]} size={13} /> {strings.tools.kinds[kind]}
    </span>
  );
}

/** Of one line, the characters that are never cut off, and the longest before them. */
const END = 14;
const START = 400;

/** In one line of a table, cut in its middle where there is no room: a URI's end tells it from others. The row has the whole in a title. */
export function ToolLine({ id }: { id: string }) {
  const { kind, connection, own } = itemOf(id);
  if (kind === "tool") return <UntrustedText text={id} />;
  const characters = [...own];
  const at = characters.length > 2 * END ? characters.length - END : characters.length;
  return (
    <span className="tool-line">
      <span className="kind-mark">
        <Icon name={ICONS[kind]} size={13} />
        <span className="visually-hidden">{strings.tools.kinds[kind]}</span>
      </span>
      <span className="tool-line-start">
        {connection} <UntrustedText text={characters.slice(0, at).join("")} limit={START} />
      </span>
      <UntrustedText text={characters.slice(at).join("")} />
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
