import { Button, Stack, Switch, TagsInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { unwrap } from "../../api/client";
import { asApiError } from "../../api/error";
import { useGateway } from "../../api/gateway";
import { toolQuery } from "../../api/queries";
import type { Recording, ToolDetail } from "../../api/types";
import { useAction } from "../../api/use-action";
import { useIsAdmin } from "../../api/use-role";
import { Dialog } from "../../components/dialog";
import { StaleNotice } from "../../components/stale-notice";
import { Failure, Loading } from "../../components/states";
import { UntrustedText } from "../../components/untrusted-text";
import { strings } from "../../strings";
import { pathsOf } from "./paths";

const t = strings.recording;

/** What the trail keeps of a tool's calls beyond type and size. */
export function RecordingDialog({ tool, onClose }: { tool: string; onClose: () => void }) {
  const { client } = useGateway();
  const isAdmin = useIsAdmin();
  // Somebody else's change must be seen before it is replaced.
  const detail = useQuery({ ...toolQuery(client, tool), staleTime: 0 });
  const error = detail.isError && detail.data === undefined ? asApiError(detail.error) : undefined;
  return (
    <Dialog onClose={onClose} title={t.title(tool)} size="lg" closeButtonProps={{ "aria-label": strings.close }}>
      <Stack data-testid="recording">
        <p className="note dim">{t.intro}</p>
        {error && <Failure message={error.message} next={error.next} action={{ label: strings.retry, run: () => void detail.refetch() }} />}
        {detail.isFetching && detail.data === undefined && <Loading label={strings.loading} />}
        {detail.data && !detail.isFetching && !isAdmin && <Kept recording={detail.data.recording} />}
        {detail.data && isAdmin && <RecordingForm detail={detail.data} onClose={onClose} />}
      </Stack>
    </Dialog>
  );
}

function Kept({ recording }: { recording: Recording }) {
  const clear = recording.clear ?? [];
  return (
    <>
      <dl className="facts">
        <dt>{t.clear}</dt>
        <dd>{clear.length === 0 ? <span className="dim">{t.clearNone}</span> : clear.map((path) => <code key={path} className="grant-link"><UntrustedText text={path} /></code>)}</dd>
        <dt>{strings.audit.story.bodies}</dt>
        <dd>{recording.bodies ? t.bodiesOn : t.bodiesOff}</dd>
      </dl>
      <p className="note dim">{t.readOnly}</p>
    </>
  );
}

function RecordingForm({ detail, onClose }: { detail: ToolDetail; onClose: () => void }) {
  const { client } = useGateway();
  const queries = useQueryClient();
  // As first opened: what others change meanwhile is a conflict, not a new start.
  const [opened, setOpened] = useState(detail.recording);
  const [clear, setClear] = useState<string[]>(opened.clear ?? []);
  const [bodies, setBodies] = useState(opened.bodies ?? false);
  const query = toolQuery(client, detail.id);
  const save = useAction(async (version: number) => {
    try {
      await unwrap(client.PUT("/api/v1/tools/{id}/recording", { params: { path: { id: detail.id } }, body: { clear, bodies, version } }));
    } finally {
      await queries.invalidateQueries({ queryKey: query.queryKey });
    }
    onClose();
  });
  const now = save.error?.code === "stale" ? (save.error.current as Recording | undefined) : undefined;
  const words = (kept: { clear?: readonly string[]; bodies?: boolean }) => ({ clear: kept.clear?.join(", ") || t.none, bodies: kept.bodies ? strings.audit.settings.yes : strings.audit.settings.no });
  const [mine, theirs] = [words({ clear, bodies }), now && words(now)];
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void save.run(opened.version);
      }}
    >
      <Stack>
        {save.error && !now && <Failure message={save.error.message} next={save.error.next} />}
        {now && theirs && (
          <StaleNotice
            rows={[
              { name: t.clear, mine: mine.clear, theirs: theirs.clear },
              { name: strings.audit.story.bodies, mine: mine.bodies, theirs: theirs.bodies },
            ]}
            pending={save.pending}
            onTakeNow={() => {
              save.clear();
              setOpened(now);
              setClear(now.clear ?? []);
              setBodies(now.bodies ?? false);
            }}
            onOverwrite={() => void save.run(now.version)}
          />
        )}
        <TagsInput label={t.clear} description={t.clearHint} data={pathsOf(detail.input_schema)} value={clear} onChange={setClear} acceptValueOnBlur splitChars={[",", " "]} className="mono" data-testid="recording-clear" />
        <Switch label={t.bodies} description={t.bodiesHint} checked={bodies} onChange={(event) => setBodies(event.currentTarget.checked)} data-testid="recording-bodies" />
        <p className="note dim">{t.later}</p>
        <Button type="submit" w="fit-content" loading={save.pending} disabled={now !== undefined} data-testid="recording-save">
          {t.save}
        </Button>
      </Stack>
    </form>
  );
}
