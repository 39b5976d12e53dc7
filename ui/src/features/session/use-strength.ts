import { useEffect, useState } from "react";

/** 0 (worst) to 4. */
type Score = 0 | 1 | 2 | 3 | 4;

type Check = (password: string, known: string[]) => Score;

let loading: Promise<Check> | undefined;

/** The dictionaries are large, and needed on this one page. */
async function load(): Promise<Check> {
  const [{ ZxcvbnFactory }, common] = await Promise.all([import("@zxcvbn-ts/core"), import("@zxcvbn-ts/language-common")]);
  const estimator = new ZxcvbnFactory({ dictionary: common.dictionary, graphs: common.adjacencyGraphs });
  return (password, known) => estimator.check(password, known).score as Score;
}

/** Longer ones say no more, and take long to look at. */
const LOOKED_AT = 100;

/** How hard a password is to guess. Advice only: what is long enough is the gateway's to say. */
export function useStrength(password: string, known: readonly string[]): Score | undefined {
  const [looked, setLooked] = useState<{ score: Score }>();
  const names = known.join("\n");
  useEffect(() => {
    if (password === "") return;
    let wanted = true;
    loading ??= load();
    loading.then(
      (check) => wanted && setLooked({ score: check(password.slice(0, LOOKED_AT), names.split("\n")) }),
      // Without advice a password can still be chosen.
      () => (loading = undefined),
    );
    return () => {
      wanted = false;
    };
  }, [password, names]);
  // What is typed faster than it is looked at shows the score of a moment ago.
  return password === "" ? undefined : looked?.score;
}
