import { Button, Group, Progress, Radio, Stack } from "@mantine/core";
import { useEffect, useRef, useState } from "react";

import { useGateway } from "../../api/gateway";
import type { Saved, Saving } from "../../api/types";
import { useAction } from "../../api/use-action";
import { useRole } from "../../api/use-role";
import { useServiceState } from "../../api/use-service-state";
import { Dialog } from "../../components/dialog";
import { Icon } from "../../components/icons";
import { Mark } from "../../components/mark";
import { size } from "../../components/size";
import { Failure } from "../../components/states";
import { strings } from "../../strings";
import { EXPORT_FORMATS, type ExportFormat, saveTrail } from "./export";
import { chipsOf } from "./trail/chips";
import { isEmpty, queryOf, type TrailFilter } from "./trail/filter";

const t = strings.audit.export;

interface ExportDialogProps {
  filter: TrailFilter;
  /** Begin with the format that can be verified. */
  proof?: boolean;
  onClose: () => void;
}

/** Records as a file, and how far it is meanwhile. */
export function ExportDialog({ filter, proof = false, onClose }: ExportDialogProps) {
  const { host } = useGateway();
  const stopped = useServiceState() === "stopped";
  const [format, setFormat] = useState<ExportFormat>(proof ? "tlog" : "jsonl");
  const [far, setFar] = useState<Saving>();
  const [saved, setSaved] = useState<Saved | "stopped">();
  const running = useRef<AbortController>(undefined);
  // A member's records alone prove nothing about the whole trail.
  const formats = useRole() === "member" ? EXPORT_FORMATS.filter((known) => known !== "tlog") : EXPORT_FORMATS;
  const chips = chipsOf(filter).map(({ label }) => label);
  const save = useAction(async () => {
    const stop = new AbortController();
    running.current = stop;
    setSaved(undefined);
    try {
      setSaved(await saveTrail(host, format, queryOf(filter, Date.now()), setFar, stop.signal));
    } catch (error) {
      if (!stop.signal.aborted) throw error;
      setSaved("stopped");
    } finally {
      setFar(undefined);
    }
  });
  // Whoever closes it does not want it any more.
  useEffect(() => () => running.current?.abort(), []);
  return (
    <Dialog onClose={onClose} title={t.title} size="lg" closeButtonProps={{ "aria-label": strings.close }}>
      <Stack data-testid="export-dialog">
        <Radio.Group
          label={t.format}
          value={format}
          onChange={(value) => {
            setSaved(undefined);
            setFormat(EXPORT_FORMATS.find((known) => known === value) ?? "jsonl");
          }}
        >
          <Stack gap="xs" mt={6}>
            {formats.map((value) => (
              <Radio key={value} value={value} label={t.formats[value]} description={t.meanings[value]} disabled={save.pending} data-testid={`export-${value}`} />
            ))}
          </Stack>
        </Radio.Group>
        <p className="note">
          <span className="dim">{t.what}:</span> {chips.length === 0 ? t.all : t.filtered(chips)} {t.recorded}
        </p>
        {save.error && <Failure message={save.error.message} next={save.error.next} />}
        <div role="status" data-testid="export-state">
          {save.pending && <Far far={far} filtered={!isEmpty(filter)} />}
          {saved === "stopped" && <span className="dim note">{t.stopped}</span>}
          {saved !== undefined && saved !== "stopped" && (
            <div className="export-saved">
              <Mark tone="allow" icon="check" label={t.saved(saved.records, size(saved.bytes))} />
              <code>{saved.file}</code>
            </div>
          )}
        </div>
        <Group justify="flex-end">
          {save.pending ? (
            <Button variant="default" onClick={() => running.current?.abort()} data-testid="export-stop">
              {t.stop}
            </Button>
          ) : (
            <Button leftSection={<Icon name="download" size={14} />} disabled={stopped} onClick={() => void save.run()} data-testid="export-save">
              {saved === undefined ? t.save : t.again}
            </Button>
          )}
        </Group>
      </Stack>
    </Dialog>
  );
}

/** Of a selection it is not known how many records there will be. */
function Far({ far, filtered }: { far: Saving | undefined; filtered: boolean }) {
  const of = filtered ? null : (far?.of ?? null);
  return (
    <div className="verify-running">
      <Progress value={of === null || of === 0 ? 100 : ((far?.records ?? 0) / of) * 100} animated={of === null} aria-label={t.progress} />
      <span className="dim small">
        {t.far(far?.records ?? 0, of, size(far?.bytes ?? 0))}
        {filtered && far?.of != null && `, ${t.looking(far.of)}`}
      </span>
    </div>
  );
}
