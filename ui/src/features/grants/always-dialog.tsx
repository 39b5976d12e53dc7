import { Radio, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { asApiError } from "../../api/error";
import { useGateway } from "../../api/gateway";
import { alwaysQuery } from "../../api/queries";
import { Failure, Loading } from "../../components/states";
import { strings } from "../../strings";
import { ChangeDialog } from "./change-dialog";
import "./grants.css";

const t = strings.approvals;

/** “Always”: a change of the permission map, the narrow one unless the person wants the wide one. */
export function AlwaysDialog({ approval, onClose }: { approval: string; onClose: () => void }) {
  const { client } = useGateway();
  const proposal = useQuery(alwaysQuery(client, approval));
  const [wide, setWide] = useState(false);
  const narrowed = proposal.data?.narrowed ?? undefined;
  const change = wide || narrowed === undefined ? proposal.data?.whole : narrowed;
  return (
    <ChangeDialog title={t.alwaysTitle} change={change} apply={t.alwaysSave} onClose={onClose}>
      <Text size="sm">{t.alwaysText}</Text>
      {proposal.isPending && <Loading label={strings.loading} />}
      {proposal.isError && (
        <Failure message={asApiError(proposal.error).message} next={asApiError(proposal.error).next} action={{ label: strings.retry, run: () => void proposal.refetch() }} />
      )}
      {narrowed && (
        <Radio.Group value={wide ? "whole" : "narrowed"} onChange={(value) => setWide(value === "whole")} aria-label={t.alwaysTitle}>
          <Stack gap="xs">
            <Radio value="narrowed" label={t.narrowed} description={t.narrowedMeaning} data-testid="always-narrowed" />
            <Radio value="whole" label={t.whole} description={t.wholeMeaning} data-testid="always-whole" />
          </Stack>
        </Radio.Group>
      )}
    </ChangeDialog>
  );
}
