import { Button, Code, Group, Modal, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { Dialog } from "./dialog";

interface ConfirmProps {
  opened: boolean;
  title: string;
  children: ReactNode;
  confirm: string;
  cancel: string;
  pending: boolean;
  onConfirm: () => void;
  onCancel: () => void;
}

/** Asks before something that cannot be taken back. */
export function Confirm({ opened, title, children, confirm, cancel, pending, onConfirm, onCancel }: ConfirmProps) {
  return (
    <Modal opened={opened} onClose={onCancel} title={title} centered withCloseButton={false}>
      <Stack>
        {children}
        <Group justify="flex-end">
          <Button variant="default" onClick={onCancel} data-autofocus>
            {cancel}
          </Button>
          <Button color="red.9" loading={pending} onClick={onConfirm} data-testid="confirm">
            {confirm}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

interface ConflictProps {
  title: string;
  explanation: string;
  mineLabel: string;
  mine: string;
  theirsLabel: string;
  theirs: string;
  keep: string;
  overwrite: string;
  pending: boolean;
  onKeep: () => void;
  onOverwrite: () => void;
}

/** Somebody changed the same row: shows both and lets the person choose. */
export function Conflict(props: ConflictProps) {
  return (
    <Dialog onClose={props.onKeep} title={props.title} centered withCloseButton={false}>
      <Stack data-testid="conflict">
        <Text size="sm">{props.explanation}</Text>
        <div className="versus">
          <div>
            <Text size="xs" c="dimmed">
              {props.mineLabel}
            </Text>
            <Code block>{props.mine}</Code>
          </div>
          <div>
            <Text size="xs" c="dimmed">
              {props.theirsLabel}
            </Text>
            <Code block>{props.theirs}</Code>
          </div>
        </div>
        <Group justify="flex-end">
          <Button variant="default" onClick={props.onKeep} data-autofocus>
            {props.keep}
          </Button>
          <Button color="red.9" loading={props.pending} onClick={props.onOverwrite}>
            {props.overwrite}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
