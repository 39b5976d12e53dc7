import { useState } from "react";
import { Dialog } from "../../components/dialog";

import { strings } from "../../strings";
import { AddConnection } from "./add-connection";
import type { Entry } from "./catalogue";
import { CatalogueList } from "./catalogue-list";

/** First what it is, then how it is reached. */
export function AddDialog({ onClose, onAdded }: { onClose: () => void; onAdded: (name: string) => void }) {
  const [chosen, setChosen] = useState<Entry | "by hand">();
  if (chosen !== undefined) {
    return <AddConnection entry={chosen === "by hand" ? undefined : chosen} onClose={onClose} onBack={() => setChosen(undefined)} onAdded={onAdded} />;
  }
  return (
    <Dialog onClose={onClose} title={strings.connections.addTitle} size="xl" closeButtonProps={{ "aria-label": strings.close }}>
      <CatalogueList onChoose={setChosen} onByHand={() => setChosen("by hand")} />
    </Dialog>
  );
}
