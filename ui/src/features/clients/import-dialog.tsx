import { Checkbox, Text } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { keys } from "../../api/queries";
import { useAction } from "../../api/use-action";
import { UntrustedText } from "../../components/untrusted-text";
import type { ImportableServer } from "../../api/types";
import { strings } from "../../strings";
import { Buttons, Change, type ClientDialogProps, Frame } from "./wire-dialog";

const t = strings.clients;

/** Nothing is chosen at first: what the gateway will start is for a person to say. */
export function ImportDialog({ shell, client, user, permissionsHref, onClose, onDone }: ClientDialogProps) {
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [said, setSaid] = useState<string[]>();
  const preview = useQuery({
    queryKey: [keys.clients, client.client, "import", chosen],
    queryFn: () => shell.previewImport(client.client, chosen),
    placeholderData: keepPreviousData,
    staleTime: 0,
    gcTime: 0,
    refetchOnWindowFocus: false,
    retry: false,
  });
  const act = useAction(async (digest: string) => {
    const done = await shell.import(client.client, digest, chosen, user);
    setSaid([t.imported(done.connections), done.restart]);
    onDone();
  });
  const items = preview.data?.items ?? [];
  const toggle = (name: string) => setChosen(chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name]);
  // The change of an earlier choice must not be agreed to.
  const shown = preview.isPlaceholderData || chosen.length === 0 ? undefined : preview.data?.preview;

  return (
    <Frame title={t.importTitle(client.title)} said={said} permissionsHref={permissionsHref} onClose={onClose}>
      <Text size="sm">{t.importText}</Text>
      {preview.isSuccess && items.length === 0 && <p className="dim">{t.importNone}</p>}
      <ul className="import-items">
        {items.map((item) => (
          <li key={item.name}>
            <Item item={item} checked={chosen.includes(item.name)} onToggle={() => toggle(item.name)} />
          </li>
        ))}
      </ul>
      {(chosen.length > 0 || preview.error !== null) && <Change preview={shown} error={preview.error} failed={act.error} onAgain={() => void preview.refetch()} />}
      <Buttons onClose={onClose} label={t.importChosen(chosen.length)} act={act} preview={shown} testId="client-import" />
    </Frame>
  );
}

function Item({ item, checked, onToggle }: { item: ImportableServer; checked: boolean; onToggle: () => void }) {
  const words = item.transport?.kind === "stdio" ? item.transport.argv : item.transport ? [item.transport.url] : [];
  return (
    <>
      <Checkbox
        checked={checked}
        disabled={item.problem !== null}
        onChange={onToggle}
        label={item.problem === null ? `${item.name}: ${t.becomes(item.connection)}` : item.name}
        data-testid={`import-${item.name}`}
      />
      <div className="import-what">
        {words.length > 0 && (
          <ul className="import-words" aria-label={item.transport?.kind === "stdio" ? t.command : t.address}>
            {words.map((word, index) => (
              // oxlint-disable-next-line react/no-array-index-key -- the words of a command stay where they are
              <li key={index}>
                <code>
                  <UntrustedText text={word} limit={Infinity} />
                </code>
              </li>
            ))}
          </ul>
        )}
        {item.secrets.length > 0 && <p className="dim small">{t.toVault(item.secrets)}</p>}
        {item.note !== null && (
          <p className="note" data-tone="wait">
            {item.note}
          </p>
        )}
        {item.problem !== null && <p className="dim small">{t.cannot(item.problem)}</p>}
      </div>
    </>
  );
}
