import type { FoundClient } from "../../api/types";
import { Icon } from "../../components/icons";
import { capitalized } from "../../components/states";

/** What is not well with a client, and what to do. */
export function Findings({ client }: { client: FoundClient }) {
  return client.findings
    .filter((finding) => finding.level !== "ok")
    .map((finding) => (
      <p key={finding.message} className="note" data-tone={finding.level === "problem" ? "deny" : "wait"}>
        <Icon name="alert" size={14} /> {capitalized(finding.message)}. <span className="dim">{finding.next}</span>
      </p>
    ));
}
