import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";

import { unwrap } from "../../../api/client";
import { type ApiError, asApiError } from "../../../api/error";
import { useGateway } from "../../../api/gateway";
import type { CheckCondition, CheckedCondition, Rule } from "../../../api/types";

const PAUSE_MS = 300;

export type Condition =
  | { state: "none" }
  /** A line is not filled in yet. */
  | { state: "incomplete" }
  | { state: "checking" }
  | { state: "checked"; checked: CheckedCondition }
  | { state: "failed"; error: ApiError };

/** The condition that the lines and the text make, as the gateway puts it together and judges it. */
export function useCondition(tool: string, cel: string, rules: readonly Rule[] | undefined) {
  const { client } = useGateway();
  const check = (body: CheckCondition) => unwrap(client.POST("/api/v1/conditions", { body }));
  const asked = JSON.stringify(rules === undefined ? null : ({ tool: tool.trim() === "" ? "*" : tool.trim(), when: cel.trim() === "" ? null : cel, rules: [...rules] } satisfies CheckCondition));
  const [settled] = useDebouncedValue(asked, PAUSE_MS);
  const empty = rules?.length === 0 && cel.trim() === "";
  const query = useQuery({
    queryKey: ["conditions", settled],
    queryFn: () => check(JSON.parse(settled) as CheckCondition),
    enabled: !empty && rules !== undefined && settled !== "null",
    retry: false,
  });

  const shown = (): Condition => {
    if (empty) return { state: "none" };
    if (rules === undefined) return { state: "incomplete" };
    if (settled !== asked || query.isPending) return { state: "checking" };
    return query.isError ? { state: "failed", error: asApiError(query.error) } : { state: "checked", checked: query.data };
  };
  /** For saving: not what was last shown, but what stands there now. `undefined` where it cannot be saved. */
  const compose = async (): Promise<{ when: string | undefined } | undefined> => {
    if (empty) return { when: undefined };
    if (rules === undefined) return undefined;
    const checked = await check(JSON.parse(asked) as CheckCondition);
    return checked.problem == null ? { when: checked.when } : undefined;
  };
  return { condition: shown(), compose };
}
