import { Modal, type ModalProps } from "@mantine/core";
import { useEffect, useState } from "react";

/** A dialog that is there as long as it is rendered. The focus goes back to where it was: Mantine's own return needs a dialog that stays and is closed. */
export function Dialog(props: Omit<ModalProps, "opened">) {
  const [from] = useState(() => document.activeElement);
  useEffect(
    () => () => {
      // After the page has put the focus where it wants it.
      window.setTimeout(() => {
        const nowhere = document.activeElement === null || document.activeElement === document.body;
        if (nowhere && from instanceof HTMLElement && from.isConnected) from.focus({ preventScroll: true });
      });
    },
    [from],
  );
  return <Modal opened {...props} />;
}
