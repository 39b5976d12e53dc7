import { Button } from "@mantine/core";
import { useState } from "react";

import { useAction } from "../../api/use-action";
import { Icon } from "../../components/icons";
import { Failure } from "../../components/states";
import type { ShellClients } from "../../api/types";
import { strings } from "../../strings";

const t = strings.clients;

/** For a machine where this app is not. */
export function Bundle({ shell }: { shell: ShellClients }) {
  const [saved, setSaved] = useState<string>();
  const save = useAction(async () => setSaved((await shell.saveBundle()).file));
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
          {saved !== undefined && t.savedBundle(saved)}
        </p>
      </div>
      <Button size="xs" variant="default" loading={save.pending} onClick={() => void save.run()} data-testid="client-bundle">
        {t.saveBundle}
      </Button>
    </section>
  );
}
