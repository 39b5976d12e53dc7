import type { Effect, Grant } from "../../api/types";
import { isPast } from "../../components/time";
import { isPattern, patternMatches, type Target } from "./patterns";
import { sourcesOf, type Subject } from "./subject";

/** What can be said of a tool without knowing a call's arguments. `nothing`: no grant allows it, so it is denied. */
export type InForce = Effect | "depends" | "nothing";

/** One subject's part of a tool, or of a pattern. */
export interface Cell {
  /** The grant set right here that always counts, whether or not it has expired. */
  own: Grant | undefined;
  /** Those set here that count only under a condition. */
  conditional: readonly Grant[];
  /** Those that count here and are set elsewhere, denials first: for a team, an owner, or by a wider pattern. */
  inherited: readonly Grant[];
  verdict: InForce;
  /** An agent's scope leaves the tool out; it needs an allow of its own. */
  outsideScope: boolean;
}

const RANK: Record<Effect, number> = { deny: 0, ask: 1, allow: 2 };
const NONE: readonly Grant[] = [];

interface OfSubject {
  byTool: Map<string, Grant[]>;
  patterns: Grant[];
}

/** Expired grants stay listed, and count no more. */
export function isLive(grant: Grant, now: number): boolean {
  return grant.expires_at == null || !isPast(grant.expires_at, now);
}

/** All grants, laid out so that a cell takes a few look-ups whether there are ten grants or ten thousand. */
export class PermissionIndex {
  private readonly bySubject = new Map<string, OfSubject>();
  private readonly cells = new Map<string, Map<string, Cell>>();

  constructor(
    grants: readonly Grant[],
    private readonly now: number,
  ) {
    for (const grant of grants) {
      const of = this.bySubject.get(grant.subject) ?? { byTool: new Map<string, Grant[]>(), patterns: [] };
      this.bySubject.set(grant.subject, of);
      const same = of.byTool.get(grant.tool);
      if (same) same.push(grant);
      else of.byTool.set(grant.tool, [grant]);
      if (isPattern(grant.tool)) of.patterns.push(grant);
    }
  }

  /** The unconditional grant of this subject and this very tool or pattern. */
  own(subject: string, tool: string): Grant | undefined {
    return this.set(subject, tool).find((grant) => grant.when == null);
  }

  /** How many of these tools have a grant of the subject's own. */
  count(subject: string, tools: readonly Target[]): number {
    const byTool = this.bySubject.get(subject)?.byTool;
    if (byTool === undefined) return 0;
    let count = 0;
    for (const tool of tools) if (byTool.has(tool.grantAs ?? tool.id)) count += 1;
    return count;
  }

  cell(subject: Subject, target: Target): Cell {
    const known = this.cells.get(subject.key) ?? new Map<string, Cell>();
    this.cells.set(subject.key, known);
    const cell = known.get(target.id) ?? this.resolved(subject, target);
    known.set(target.id, cell);
    return cell;
  }

  private set(subject: string, tool: string): readonly Grant[] {
    return this.bySubject.get(subject)?.byTool.get(tool) ?? NONE;
  }

  /** The grants of one subject that are about a tool. */
  private about(subject: string, target: Target): Grant[] {
    const of = this.bySubject.get(subject);
    if (of === undefined) return [];
    const exact = of.byTool.get(target.id) ?? NONE;
    const wider = of.patterns.filter((grant) => grant.tool !== target.id && patternMatches(grant.tool, target));
    return [...exact, ...wider];
  }

  private resolved(subject: Subject, target: Target): Cell {
    const here = target.grantAs ?? target.id;
    const sources = sourcesOf(subject);
    const owner = sources.owner.flatMap((source) => this.about(source, target));
    const agent = sources.agent === undefined ? [] : this.about(sources.agent, target);
    const set = this.set(subject.key, here);
    const isHere = (grant: Grant) => grant.subject === subject.key && (grant.tool === target.id || grant.tool === here);
    const live = (grants: readonly Grant[]) => grants.filter((grant) => isLive(grant, this.now));
    const outside = isOutside(subject, target);
    // A template's own pattern reaches what comes of it, which the template's row stands for.
    const own = here === target.id ? NONE : set;
    const sides: Sides =
      subject.kind === "agent"
        ? { owner: live(owner), agent: live([...agent, ...own.filter((grant) => !agent.includes(grant))]), inScope: !outside }
        : { owner: live([...owner, ...own.filter((grant) => !owner.includes(grant))]), agent: undefined, inScope: true };
    return {
      own: set.find((grant) => grant.when == null),
      conditional: set.filter((grant) => grant.when != null),
      inherited: live([...owner, ...agent])
        .filter((grant) => !isHere(grant))
        .toSorted((a, b) => RANK[a.effect] - RANK[b.effect]),
      verdict: decide(sides),
      outsideScope: outside,
    };
  }
}

interface Sides {
  owner: readonly Grant[];
  agent: readonly Grant[] | undefined;
  inScope: boolean;
}

/** How conditions turn out, by what their grants do: each as the gateway replays calls whose arguments it does not have. */
type Turn = Record<Effect, "matches" | "false" | "failed">;
const WORST: Turn = { deny: "matches", ask: "failed", allow: "false" };
const ASKED: Turn = { deny: "false", ask: "matches", allow: "matches" };
const BEST: Turn = { deny: "false", ask: "false", allow: "matches" };

/** As far as it can be said whichever way the conditions turn out (`replay` in core/src/decision.rs). */
function decide(sides: Sides): InForce {
  const best = weigh(sides, BEST);
  const sure = [WORST, ASKED].every((turn) => outcome(weigh(sides, turn)) === outcome(best));
  return sure ? best : "depends";
}

const outcome = (verdict: Effect | "nothing"): Effect => (verdict === "nothing" ? "deny" : verdict);

/** The rules (`weigh` in core/src/decision.rs): deny beats ask beats allow, and no rule means deny. */
function weigh({ owner, agent, inScope }: Sides, turn: Turn): Effect | "nothing" {
  const stance = (grant: Grant) => (grant.when == null ? "matches" : turn[grant.effect]);
  const all = agent === undefined ? owner : [...owner, ...agent];
  if (all.some((grant) => (grant.effect === "deny" && stance(grant) === "matches") || (grant.effect !== "allow" && stance(grant) === "failed"))) return "deny";
  const counting = (grants: readonly Grant[]) => grants.filter((grant) => grant.effect !== "deny" && stance(grant) === "matches");
  const [owned, added] = [counting(owner), counting(agent ?? [])];
  if (owned.length === 0 || (!inScope && added.length === 0)) return "nothing";
  return [...owned, ...added].some((grant) => grant.effect === "ask") ? "ask" : "allow";
}

function isOutside(subject: Subject, target: Target): boolean {
  if (subject.kind !== "agent" || subject.agent.scope.length === 0 || isPattern(target.id)) return false;
  return !subject.agent.scope.some((pattern) => patternMatches(pattern, target));
}
