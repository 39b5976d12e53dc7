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

const FIRST = 24;
const LAST = 36;

/** In one line of a table: what tells it from others of its connection, which for a URI is its end, too. The row has the whole in a title. */
export function ToolLine({ id }: { id: string }) {
  const { kind, connection, own } = itemOf(id);
  if (kind === "tool") return <UntrustedText text={id} />;
  const short = own.length > FIRST + LAST ? `${own.slice(0, FIRST)}…${own.slice(-LAST)}` : own;
  return (
    <>
      <span className="kind-mark">
        <Icon name={ICONS[kind]} size={13} />
        <span className="visually-hidden">{strings.tools.kinds[kind]}</span>
      </span>
      {connection} <UntrustedText text={short} />
    </>
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
