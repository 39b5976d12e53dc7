import { useQueryClient } from "@tanstack/react-query";

import { unwrap } from "../../../api/client";
import { hasCode } from "../../../api/error";
import { useGateway } from "../../../api/gateway";
import { grantsQuery, keys } from "../../../api/queries";
import { type Action, useAction } from "../../../api/use-action";
import { PermissionIndex } from "../resolve";
import { changeOf, type Clash, clashesOf, editKey, isSettled, type Staged } from "./staged";
import type { Edits } from "./use-staged";

/** What came of it: all is in force, or these were changed by somebody else and nothing is. */
interface Applied {
  clashes: Clash[];
}

/** Applies all edits as one change or none of them. Never optimistic: they stay edits until the gateway has them. */
export function useApply({ settle }: Pick<Edits, "settle">): Action<[edits: Staged, now: number], Applied> {
  const { client } = useGateway();
  const queries = useQueryClient();
  const drop = (done: (key: string) => boolean) => settle((all) => new Map([...all].filter(([key]) => !done(key))));

  /** What clashed; nothing if it was made. */
  const attempt = async (edits: Staged, now: number): Promise<Clash[]> => {
    try {
      await unwrap(client.POST("/api/v1/changes", { body: changeOf(edits, now) }));
      return [];
    } catch (error) {
      if (!hasCode(error, "stale") && !hasCode(error, "not_found")) throw error;
      const grants = await queries.fetchQuery({ ...grantsQuery(client), staleTime: 0 });
      const clashes = clashesOf(edits, new PermissionIndex(grants, now));
      if (clashes.length === 0) throw error;
      return clashes;
    }
  };
  return useAction(async (edits: Staged, now: number): Promise<Applied> => {
    try {
      let wanted = edits;
      let clashes = await attempt(wanted, now);
      // What somebody else has set the same way is done, and no reason to ask.
      if (clashes.length > 0 && clashes.every(isSettled)) {
        const done = new Set(clashes.map(({ edit }) => editKey(edit.subject, edit.tool)));
        wanted = new Map([...edits].filter(([key]) => !done.has(key)));
        drop((key) => done.has(key));
        clashes = wanted.size > 0 ? await attempt(wanted, now) : [];
      }
      if (clashes.length > 0) return { clashes: clashes.filter((clash) => !isSettled(clash)) };
    } finally {
      await Promise.all([keys.grants, keys.tools, keys.suggestions].map((key) => queries.invalidateQueries({ queryKey: [key] })));
    }
    // What was set while the gateway was at it is not of this change.
    settle((all) => new Map([...all].filter(([key, edit]) => edits.get(key) !== edit)));
    return { clashes: [] };
  });
}
