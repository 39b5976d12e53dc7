import { Button } from "@mantine/core";
import { type ComponentType, useState } from "react";

import { UntrustedText } from "./untrusted-text";
import { strings } from "../strings";

const t = strings.approvals;
/** Longest text shown at once; nothing of what is approved may hide behind it unsaid. */
const LONGEST = 4_000;

/** A text of any length: what is left out is said, and one click away. */
export function LongText({ text, as: Draw }: { text: string; as?: ComponentType<{ text: string }> }) {
  const [whole, setWhole] = useState(false);
  const cut = !whole && text.length > LONGEST;
  const shown = cut ? text.slice(0, LONGEST) : text;
  return (
    <>
      {Draw ? <Draw text={shown} /> : <UntrustedText text={shown} limit={Infinity} />}
      {cut && (
        <span className="shortened">
          {t.shortened(LONGEST, text.length)}{" "}
          <Button size="compact-xs" variant="default" onClick={() => setWhole(true)}>
            {t.showAll}
          </Button>
        </span>
      )}
    </>
  );
}
