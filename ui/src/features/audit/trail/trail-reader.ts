import { type ApiClient, unwrap } from "../../../api/client";
import { type ApiError, asApiError } from "../../../api/error";
import type { EventFeed } from "../../../api/events";
import type { AuditPage, AuditRecord } from "../../../api/types";
import { keyOf, mergeRows, type Row } from "../rows";
import { matches, queryOf, type TrailFilter, type TrailQuery } from "./filter";

const PAGE = 100;
/** Matches after which a search rests. */
const ENOUGH = 60;
/** Pages after which it asks whether to go on. */
export const MOST_PAGES = 100;
/** Rows kept at once, of a trail that may have ten million records. */
export const MOST_ROWS = 1_000;
/** Rows kept while new ones come in on top, as each moves all others. */
export const MOST_LIVE = 300;
/** New records that wait to be shown; if there are more, all is read again. */
export const MOST_WAITING = 1_000;
const ASK_AGAIN_MS = 1_500;
/** New records are drawn together: hundreds may come in a second. */
const DRAW_EVERY_MS = 100;

export interface TrailState {
  /** Newest first. */
  rows: readonly Row[];
  /** Whether there may be older records. */
  more: boolean;
  /** RFC 3339: how far back was looked. */
  searchedTo: string | undefined;
  /** Newer rows than those shown are left out, to keep the list short. */
  cut: boolean;
  reading: boolean;
  error: ApiError | undefined;
  /** New rows that are not shown yet; `Infinity` if too many to count. */
  waiting: number;
}

const START: TrailState = { rows: [], more: false, searchedTo: undefined, cut: false, reading: true, error: undefined, waiting: 0 };

/**
 * Reads the records that match a filter, newest first, and adds every new one:
 * at once while it follows, otherwise when asked. A search that finds little
 * goes on by itself until it is stopped or has looked far enough.
 */
export class TrailReader {
  private state = START;
  private readonly listeners = new Set<() => void>();
  private query: TrailQuery = {};
  /** Where older records begin. */
  private next: number | undefined;
  /** Newest record known here, shown or not. */
  private newest = 0;
  private search: AbortController | undefined;
  /** A new list is being read: what comes in meanwhile belongs on top of it. */
  private beginning = false;
  private following = true;
  private held: AuditRecord[] = [];
  /** More came in than could be held, or something was missed. */
  private overflowed = false;
  private drawing: number | undefined;
  private timer: number | undefined;

  constructor(
    private readonly client: ApiClient,
    private readonly filter: TrailFilter,
  ) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): TrailState => this.state;

  /** Reads the newest and follows the events. Returns the end of it. */
  start(events: EventFeed): () => void {
    this.readAgain();
    const stopAudit = events.onAudit((record) => this.heard(record));
    const stopGap = events.onGap(() => this.askSoon());
    return () => {
      stopAudit();
      stopGap();
      this.search?.abort();
      window.clearTimeout(this.timer);
      window.clearTimeout(this.drawing);
      this.timer = undefined;
      this.drawing = undefined;
    };
  }

  /** Whether new records are shown as they come. */
  follow(following: boolean): void {
    this.following = following;
    this.draw();
  }

  readonly readOlder = (): void => void this.read(this.next);

  /** What was found stays, and the search can be taken up again. */
  readonly stop = (): void => {
    this.search?.abort();
    this.set({ reading: false });
  };

  /** Begins anew with the newest. */
  readonly readAgain = (): void => {
    this.held = [];
    this.overflowed = false;
    this.newest = 0;
    this.query = queryOf(this.filter, Date.now());
    void this.read(undefined);
  };

  readonly showWaiting = (): void => {
    if (this.state.cut || this.overflowed) this.readAgain();
    else this.show(this.take(() => true));
  };

  private set(change: Partial<TrailState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }

  private async read(before: number | undefined): Promise<void> {
    this.search?.abort();
    const search = new AbortController();
    this.search = search;
    this.beginning = before === undefined;
    this.set({ reading: true, error: undefined, ...(this.beginning ? { waiting: 0 } : {}) });
    let cursor = before;
    try {
      for (let pages = 0, found = 0; pages < MOST_PAGES && found < ENOUGH; pages += 1) {
        // Each page begins where the one before ended.
        // oxlint-disable-next-line no-await-in-loop
        const page = await this.page(cursor, search.signal);
        if (search.signal.aborted) return;
        this.add(page);
        found += page.records.length;
        cursor = this.next;
        if (cursor === undefined) break;
      }
    } catch (thrown) {
      if (!search.signal.aborted) this.set({ error: asApiError(thrown) });
    } finally {
      if (this.search === search) this.set({ reading: false });
    }
  }

  private page(before: number | undefined, signal?: AbortSignal): Promise<AuditPage> {
    const query = { ...this.query, limit: PAGE, ...(before === undefined ? {} : { before }) };
    return unwrap(this.client.GET("/api/v1/audit", { params: { query }, ...(signal ? { signal } : {}) }));
  }

  /** The next older page, or the first of a new list. */
  private add(page: AuditPage): void {
    const first = this.beginning;
    const rows = mergeRows(first ? [] : this.state.rows, page.records);
    const over = Math.max(0, rows.length - MOST_ROWS);
    this.next = page.next ?? undefined;
    this.newest = Math.max(this.newest, page.records[0]?.seq ?? 0);
    this.beginning = false;
    this.set({
      rows: over > 0 ? rows.slice(over) : rows,
      more: this.next !== undefined,
      searchedTo: page.searched_to ?? (first ? undefined : this.state.searchedTo),
      cut: (!first && this.state.cut) || over > 0,
    });
    if (first) this.draw();
  }

  private heard(record: AuditRecord): void {
    const match = matches(record, this.filter);
    if (match === "unknown") this.askSoon();
    if (match !== true || record.seq <= this.newest) return;
    this.newest = record.seq;
    this.hold([record]);
    this.drawing ??= window.setTimeout(() => {
      this.drawing = undefined;
      this.draw();
    }, DRAW_EVERY_MS);
  }

  private hold(records: readonly AuditRecord[]): void {
    this.held.push(...records);
    if (this.held.length <= MOST_WAITING) return;
    this.held = this.held.slice(-MOST_WAITING);
    this.overflowed = true;
  }

  private take(wanted: (record: AuditRecord) => boolean): AuditRecord[] {
    const taken: AuditRecord[] = [];
    const kept: AuditRecord[] = [];
    for (const record of this.held) (wanted(record) ? taken : kept).push(record);
    this.held = kept;
    return taken;
  }

  /** Shows what is new and may be shown; rows that stand there get their outcome in any case. */
  private draw(): void {
    if (this.beginning) return;
    const live = this.following && !this.state.cut;
    if (live && this.overflowed) return this.readAgain();
    if (this.held.length === 0) return;
    const shown = live ? undefined : new Set(this.state.rows.map((row) => row.key));
    this.show(this.take((record) => shown === undefined || shown.has(keyOf(record))));
  }

  private show(records: readonly AuditRecord[]): void {
    const rows = mergeRows(this.state.rows, records);
    const waiting = this.overflowed ? Infinity : new Set(this.held.map(keyOf)).size;
    const grew = rows[0]?.key !== this.state.rows[0]?.key;
    if (rows.length <= MOST_LIVE || !grew) return this.set({ rows, waiting });
    // What falls off the end is read again when it is asked for.
    const kept = rows.slice(0, MOST_LIVE);
    this.next = kept.at(-1)?.seq;
    this.set({ rows: kept, waiting, more: true });
  }

  private askSoon(): void {
    this.timer ??= window.setTimeout(() => {
      this.timer = undefined;
      void this.ask();
    }, ASK_AGAIN_MS);
  }

  /** What came in meanwhile, where only the gateway can tell what matches, or events were lost. */
  private async ask(): Promise<void> {
    const known = this.newest;
    const page = await this.page(undefined).catch(() => undefined);
    // The list stays as it is; the next event asks again.
    if (page === undefined || this.newest < known) return;
    this.hold(page.records.filter((record) => record.seq > this.newest));
    if (known > 0 && page.next != null && page.next > known + 1) this.overflowed = true;
    this.newest = Math.max(this.newest, page.records[0]?.seq ?? 0);
    this.draw();
  }
}
