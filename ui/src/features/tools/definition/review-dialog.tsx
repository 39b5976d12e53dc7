import { Alert, Button, Code, Group, Stack } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { unwrap } from "../../../api/client";
import { asApiError } from "../../../api/error";
import { useGateway } from "../../../api/gateway";
import { keys, reviewQuery } from "../../../api/queries";
import type { ToolReview } from "../../../api/types";
import { useAction } from "../../../api/use-action";
import { useIsAdmin } from "../../../api/use-role";
import { useServiceState } from "../../../api/use-service-state";
import { Dialog } from "../../../components/dialog";
import { Icon } from "../../../components/icons";
import { Failure, Loading } from "../../../components/states";
import { dayAndTime } from "../../../components/time";
import { strings } from "../../../strings";
import { SideBySide } from "./side-by-side";
import "../tools.css";

const t = strings.definition;

/** What a tool was when it was granted, and what its server made of it; an admin accepts just what is shown. */
export function ReviewDialog({ tool, onClose }: { tool: string; onClose: () => void }) {
  const { client } = useGateway();
  const review = useQuery(reviewQuery(client, tool));
  // What was opened stays until the person asks for what came after it: a page
  // that changes by itself would have them accept what they have not read.
  const [opened, setOpened] = useState<ToolReview>();
  const shown = opened ?? review.data;
  if (opened === undefined && review.data !== undefined) setOpened(review.data);
  const error = review.isError && shown === undefined ? asApiError(review.error) : undefined;
  return (
    <Dialog onClose={onClose} title={t.title(tool)} size="min(1180px, 96vw)" closeButtonProps={{ "aria-label": strings.close }}>
      <Stack data-testid="review">
        {error && <Failure message={error.message} next={error.next} action={{ label: strings.retry, run: () => void review.refetch() }} />}
        {shown === undefined && !error && <Loading label={strings.loading} />}
        {shown && <Review review={shown} now={review.data ?? shown} onShowNow={() => setOpened(review.data)} onClose={onClose} />}
      </Stack>
    </Dialog>
  );
}

function Review({ review, now, onShowNow, onClose }: { review: ToolReview; now: ToolReview; onShowNow: () => void; onClose: () => void }) {
  const { client } = useGateway();
  const queries = useQueryClient();
  const isAdmin = useIsAdmin();
  const stopped = useServiceState() === "stopped";
  const accept = useAction(async () => {
    try {
      await unwrap(client.POST("/api/v1/tools/{id}/accept", { params: { path: { id: review.id } }, body: { hash: review.current.hash } }));
    } finally {
      await queries.invalidateQueries({ queryKey: [keys.tools] });
      void queries.invalidateQueries({ queryKey: [keys.status] });
    }
    onClose();
  });
  const { pinned, current } = review;
  if (!pinned || !review.changed) return <p className="note dim">{t.unchanged}</p>;
  const outdated = now.current.hash !== current.hash || !now.changed;
  return (
    <>
      <p className="note dim">{t.intro}</p>
      <dl className="facts">
        <dt>{t.before}</dt>
        <dd>
          {pinned.accepted_by == null ? t.granted(dayAndTime(pinned.pinned_at)) : t.acceptedBy(pinned.accepted_by, dayAndTime(pinned.pinned_at))} <Code className="digest">{pinned.hash}</Code>
        </dd>
        <dt>{t.after}</dt>
        <dd>
          {review.changed_at != null && t.since(dayAndTime(review.changed_at))} <Code className="digest">{current.hash}</Code>
        </dd>
      </dl>
      <SideBySide key={current.hash} before={pinned.definition} after={current.definition} />
      {outdated && (
        <Alert variant="light" icon={<Icon name="alert" />} title={t.again} className="notice" data-tone="wait" role="alert" data-testid="review-outdated">
          <p className="note">{t.againText}</p>
          <Button
            size="xs"
            variant="default"
            onClick={() => {
              accept.clear();
              onShowNow();
            }}
            data-testid="review-now"
          >
            {strings.readAgain}
          </Button>
        </Alert>
      )}
      {accept.error && accept.error.code !== "stale" && <Failure message={accept.error.message} next={accept.error.next} />}
      {isAdmin ? (
        <>
          <p className="note dim">{t.consequence}</p>
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose} data-autofocus>
              {t.keep}
            </Button>
            <Button color="red.9" loading={accept.pending} disabled={outdated || stopped} onClick={() => void accept.run()} data-testid="review-accept">
              {t.accept(current.hash.slice(0, 8))}
            </Button>
          </Group>
        </>
      ) : (
        <p className="note dim">{t.readOnly}</p>
      )}
    </>
  );
}
