import { Code } from "@mantine/core";

import type { Transport } from "../../api/types";
import { UntrustedText } from "../../components/untrusted-text";
import { strings } from "../../strings";

/** Exactly what is started or called, whole: one box per argument, so that no space or quote can mislead. */
export function Target({ transport }: { transport: Transport }) {
  if (transport.kind === "http") {
    return (
      <Code block>
        <UntrustedText text={transport.url} limit={Infinity} />
      </Code>
    );
  }
  return (
    <ol className="argv" aria-label={strings.connections.command}>
      {transport.argv.map((argument, index) => (
        // oxlint-disable-next-line react/no-array-index-key -- arguments have no identity but their position
        <li key={index}>
          <code>{argument === "" ? <span className="dim">{strings.connections.emptyArgument}</span> : <UntrustedText text={argument} limit={Infinity} />}</code>
        </li>
      ))}
    </ol>
  );
}
