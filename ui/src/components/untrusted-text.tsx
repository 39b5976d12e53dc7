import { Fragment } from "react";

/** Longest text of an upstream that is shown in one place. */
const LONGEST = 4_000;

/** What would hide, reorder or fake text: control, zero-width, bidirectional and tag characters. */
// oxlint-disable-next-line no-control-regex
const DECEPTIVE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/** Text of an upstream or an agent: always text, never markup, with deceptive characters made visible. */
export function UntrustedText({ text, limit = LONGEST }: { text: string; limit?: number }) {
  const shown = text.length > limit ? `${text.slice(0, limit)}…` : text;
  const parts: { text: string; escape: boolean; at: number }[] = [];
  let from = 0;
  for (const match of shown.matchAll(DECEPTIVE)) {
    if (match.index > from) parts.push({ text: shown.slice(from, match.index), escape: false, at: from });
    parts.push({ text: escapeOf(match[0]), escape: true, at: match.index });
    from = match.index + match[0].length;
  }
  if (from < shown.length) parts.push({ text: shown.slice(from), escape: false, at: from });
  return (
    <bdi className="untrusted">
      {parts.map((part) => (part.escape ? <span key={part.at} className="escape">{part.text}</span> : <Fragment key={part.at}>{part.text}</Fragment>))}
    </bdi>
  );
}

function escapeOf(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}
