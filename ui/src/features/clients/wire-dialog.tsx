import { Alert, Button, Checkbox, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";

import { type ApiError, asApiError } from "../../api/error";
import { keys } from "../../api/queries";
import { type Action, useAction } from "../../api/use-action";
import { Dialog } from "../../components/dialog";
import { Diff } from "../../components/diff";
import { Icon } from "../../components/icons";
import { Failure, Loading } from "../../components/states";
import type { ClientPreview, FoundClient, ShellClients } from "../../api/types";
import { strings } from "../../strings";

const t = strings.clients;
/** The file is another than the one that was shown. */
const CHANGED = "client_changed";

export interface ClientDialogProps {
  shell: ShellClients;
  client: FoundClient;
  user: string;
  /** Where it is said what agents may do. */
  permissionsHref: string | undefined;
  onClose: () => void;
  onDone: () => void;
}

/** The exact change of the file, then doing it. */
export function WireDialog({ shell, client, user, permissionsHref, onClose, onDone }: ClientDialogProps) {
  const preview = usePreview(client, "wire", () => shell.preview(client.client));
  const [said, setSaid] = useState<string[]>();
  const wire = useAction(async (digest: string) => {
    const done = await shell.wire(client.client, digest, user);
    const agent = done.agent;
    setSaid([t.wired(client.title, agent === null ? user : `${agent.user}/${agent.name}`), t.may(agent?.user ?? user), done.restart]);
    onDone();
  });
  return (
    <Frame title={t.wireTitle(client.title)} said={said} permissionsHref={permissionsHref} onClose={onClose}>
      <Text size="sm">{t.wireText(client.title, user)}</Text>
      <Change preview={preview.data} error={preview.error} failed={wire.error} onAgain={() => void preview.refetch()} />
      <Buttons onClose={onClose} label={t.connect} act={wire} preview={preview.data} testId="client-connect" />
    </Frame>
  );
}

export function UnwireDialog({ shell, client, onClose, onDone }: ClientDialogProps) {
  const preview = usePreview(client, "unwire", () => shell.previewUnwire(client.client));
  const [revoke, setRevoke] = useState(true);
  const [said, setSaid] = useState<string[]>();
  const unwire = useAction(async (digest: string) => {
    const done = await shell.unwire(client.client, digest, revoke);
    setSaid(
      [
        done.exact ? t.unwiredExact(done.file) : t.unwiredPart(done.file),
        done.revoked.length > 0 ? t.revoked(done.revoked) : "",
        done.left.length > 0 ? t.notRevoked(done.left) : "",
        done.connections.length > 0 ? t.connectionsStay(done.connections) : "",
      ].filter((line) => line !== ""),
    );
    onDone();
  });
  return (
    <Frame title={t.unwireTitle(client.title)} said={said} onClose={onClose}>
      <Text size="sm">{t.unwireText}</Text>
      <Change preview={preview.data} error={preview.error} failed={unwire.error} onAgain={() => void preview.refetch()} />
      {client.agent && <Checkbox checked={revoke} onChange={(event) => setRevoke(event.currentTarget.checked)} label={t.revokeToo} data-testid="client-revoke" />}
      <Buttons onClose={onClose} label={t.unwire} act={unwire} preview={preview.data} testId="client-undo" />
    </Frame>
  );
}

/** Always as the file is now: what was shown before may be out of date. */
function usePreview(client: FoundClient, what: string, read: () => Promise<ClientPreview>) {
  return useQuery({ queryKey: [keys.clients, client.client, what], queryFn: read, staleTime: 0, gcTime: 0, refetchOnWindowFocus: false, retry: false });
}

interface FrameProps {
  title: string;
  said: readonly string[] | undefined;
  /** What is likely next. */
  permissionsHref?: string | undefined;
  onClose: () => void;
  children: ReactNode;
}

/** The question, or once it is done what was done. */
export function Frame({ title, said, permissionsHref, onClose, children }: FrameProps) {
  return (
    <Dialog onClose={onClose} title={title} size="xl" closeButtonProps={{ "aria-label": strings.close }}>
      {said === undefined ? (
        <Stack>{children}</Stack>
      ) : (
        <Stack data-testid="client-done">
          <Alert color="green" variant="light" icon={<Icon name="check" />} role="status">
            {said.map((line) => (
              <Text key={line} size="sm">
                {line}
              </Text>
            ))}
          </Alert>
          <Group justify="flex-end">
            {permissionsHref !== undefined && (
              <Button variant="default" component="a" href={permissionsHref} data-testid="client-permissions">
                {t.permissions}
              </Button>
            )}
            <Button onClick={onClose} data-autofocus data-testid="client-close">
              {t.done}
            </Button>
          </Group>
        </Stack>
      )}
    </Dialog>
  );
}

interface ChangeProps {
  preview: ClientPreview | undefined;
  error: unknown;
  failed: ApiError | undefined;
  onAgain: () => void;
}

export function Change({ preview, error, failed, onAgain }: ChangeProps) {
  const refused = error === null || error === undefined ? undefined : asApiError(error);
  if (refused) return <Failure message={refused.message} next={refused.next} action={{ label: strings.retry, run: onAgain }} />;
  if (preview === undefined) return <Loading label={strings.loading} />;
  return (
    <>
      {failed && <Failure message={failed.message} next={failed.next} {...(failed.code === CHANGED && { action: { label: t.changedMeanwhile, run: onAgain } })} />}
      <Diff text={preview.diff} label={t.change} none={t.noChange} testId="client-diff" />
      {preview.notes.map((note) => (
        <p key={note} className="dim small">
          {note}
        </p>
      ))}
    </>
  );
}

interface ButtonsProps {
  onClose: () => void;
  label: string;
  act: Action<[string], void>;
  preview: ClientPreview | undefined;
  disabled?: boolean;
  testId: string;
}

export function Buttons({ onClose, label, act, preview, disabled = false, testId }: ButtonsProps) {
  return (
    <Group justify="flex-end">
      <Button variant="default" onClick={onClose}>
        {strings.cancel}
      </Button>
      <Button loading={act.pending} disabled={preview === undefined || disabled} onClick={() => preview && void act.run(preview.digest)} data-autofocus data-testid={testId}>
        {label}
      </Button>
    </Group>
  );
}
