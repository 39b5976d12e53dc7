import { type ReactNode, useState } from "react";

import type { Grant } from "../../api/types";
import { type Draft } from "./dialog/form";
import { GrantDialog } from "./dialog/grant-dialog";
import { RemoveGrant } from "./remove-grant";

/** The dialogs that change one grant: each view opens them, one at a time. */
export function useGrantDialogs(): { open: (draft: Draft) => void; remove: (grant: Grant) => void; dialogs: ReactNode } {
  const [draft, setDraft] = useState<Draft>();
  const [removing, setRemoving] = useState<Grant>();
  const remove = (grant: Grant) => {
    setDraft(undefined);
    setRemoving(grant);
  };
  const dialogs = (
    <>
      {draft && <GrantDialog draft={draft} onClose={() => setDraft(undefined)} onRemove={remove} />}
      {removing && <RemoveGrant grant={removing} onClose={() => setRemoving(undefined)} />}
    </>
  );
  return { open: setDraft, remove, dialogs };
}
