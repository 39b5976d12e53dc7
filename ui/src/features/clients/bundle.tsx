import { Button } from "@mantine/core";
import { useState } from "react";

import { useAction } from "../../api/use-action";
import { Icon } from "../../components/icons";
import { Failure } from "../../components/states";
import type { ShellClients } from "../../api/types";
import { strings } from "../../strings";
import { OnlyHere } from "./reach";

const t = strings.clients;

/** For a machine where this app is not. */
export function Bundle({ shell, sharingHref }: { shell: ShellClients; sharingHref: string }) {
  const [saved, setSaved] = useState<Awaited<ReturnType<ShellClients["saveBundle"]>>>();
  const save = useAction(async () => setSaved(await shell.saveBundle()));
  return (
    <section className="panel client-row" aria-label={t.bundleTitle}>
      <span className="client-tile" aria-hidden="true">
        <Icon name="download" />
      </span>
      <div className="client-what">
        <strong>{t.bundleTitle}</strong>
        <p className="dim small">{t.bundleText}</p>
        {save.error && <Failure message={save.error.message} next={save.error.next} />}
        <p className="small" role="status">
          {saved !== undefined && t.savedBundle(saved.file, saved.address)}
        </p>
        {saved?.shared === false && <OnlyHere text={t.notShared(saved.address)} sharingHref={sharingHref} />}
      </div>
      <Button size="xs" variant="default" loading={save.pending} onClick={() => void save.run()} data-testid="client-bundle">
        {t.saveBundle}
      </Button>
    </section>
  );
}
