import { Button, Group, Radio, Stack } from "@mantine/core";
import { useState } from "react";

import { useGateway } from "../../api/gateway";
import { useRole } from "../../api/use-role";
import { Dialog } from "../../components/dialog";
import { CopyLine } from "../../components/copy-line";
import { Icon } from "../../components/icons";
import { strings } from "../../strings";
import { chipsOf } from "./trail/chips";
import { queryOf, type TrailFilter } from "./trail/filter";
import { commandOf, EXPORT_FORMATS, type ExportFormat, exportHref } from "./export";

const t = strings.audit.export;

interface ExportDialogProps {
  filter: TrailFilter;
  /** Begin with the format that can be verified. */
  proof?: boolean;
  onClose: () => void;
}

/** Records as a file: saved by a browser; the window saves no files and gives the command. */
export function ExportDialog({ filter, proof = false, onClose }: ExportDialogProps) {
  const { host } = useGateway();
  const [format, setFormat] = useState<ExportFormat>(proof ? "tlog" : "jsonl");
  const [now] = useState(() => Date.now());
  const [started, setStarted] = useState(false);
  // A member's records alone prove nothing about the whole trail.
  const formats = useRole() === "member" ? EXPORT_FORMATS.filter((known) => known !== "tlog") : EXPORT_FORMATS;
  const query = queryOf(filter, now);
  const chips = chipsOf(filter).map(({ label }) => label);
  return (
    <Dialog onClose={onClose} title={t.title} size="lg" closeButtonProps={{ "aria-label": strings.close }}>
      <Stack data-testid="export-dialog">
        <Radio.Group
          label={t.format}
          value={format}
          onChange={(value) => {
            setStarted(false);
            setFormat(EXPORT_FORMATS.find((known) => known === value) ?? "jsonl");
          }}
        >
          <Stack gap="xs" mt={6}>
            {formats.map((value) => (
              <Radio key={value} value={value} label={t.formats[value]} description={t.meanings[value]} data-testid={`export-${value}`} />
            ))}
          </Stack>
        </Radio.Group>
        <p className="note">
          <span className="dim">{t.what}:</span> {chips.length === 0 ? t.all : t.filtered(chips)} {t.recorded}
        </p>
        {host.kind === "browser" ? (
          <Group gap="sm">
            <Button component="a" href={exportHref(format, query)} download leftSection={<Icon name="download" size={14} />} onClick={() => setStarted(true)} data-testid="export-download">
              {t.download}
            </Button>
            <span role="status" className="dim note">
              {started && t.started}
            </span>
          </Group>
        ) : (
          <>
            <p className="note">{t.window}</p>
            <CopyLine text={commandOf(format, query)} label={t.command} testId="export-command" />
          </>
        )}
      </Stack>
    </Dialog>
  );
}
