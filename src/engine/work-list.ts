// The work of an act in pieces: done by its own sessions, and by peers where there are any. Its own never wait for anybody as long
// as there is something that nobody has begun; without peers this is a list, and nothing more.
import type { Offer, Peers, Piece, PieceProgress, Settlement } from "./peers.ts";

export interface Work<T> {
  /** In the order in which they are taken: the largest first. */
  readonly items: readonly T[];
  readonly sizeBytes: (item: T) => number;
  /** Whether others can do it; left out: they can do all. */
  readonly isForOthers?: (item: T) => boolean;
  /** The item for somebody else to do. Called once each time that it is offered. */
  readonly describe: (item: T) => Promise<Piece>;
  /** Takes what a peer has come to, after having checked it. When it throws, the item is done once more. */
  readonly accept: (item: T, result: unknown) => Promise<void>;
  /** Counts what a peer has done meanwhile; less than nothing where it was done in vain. */
  readonly onProgress: (item: T, progress: PieceProgress) => void;
}

/** What a session is to do. */
export interface Task<T> {
  readonly item: T;
  /** Somebody else has had it, and may have left traces of it. */
  readonly again: boolean;
}

export interface WorkListOptions {
  readonly peers: Peers | undefined;
  /** How large the larger items are. */
  readonly pieceBytes: number;
  /** How many items others may work on at the same time, however many they could. Asked once, when somebody is there. */
  readonly placesMax: () => Promise<number>;
  readonly signal: AbortSignal;
}

/** How often there is a look at whether peers have come. */
const LOOK_MS = 1_000;
/** For each place that peers have: one in work, and one that waits, so that nobody waits for it. */
const OFFERS_PER_PLACE = 2;
/** What is smaller than this share of a piece is done sooner than handed over. */
const SMALLEST_SHARE = 0.25;
/** After so many pieces in a row that came back, peers are left alone for a while. */
const RETURNS_MAX = 3;
const QUIET_MS = 10_000;

export class WorkList<T> {
  readonly #work: Work<T>;
  readonly #peers: Peers | undefined;
  readonly #signal: AbortSignal;
  readonly #askPlacesMax: () => Promise<number>;
  #placesMax: number | undefined;
  readonly #smallestBytes: number;
  readonly #waiting: Task<T>[];
  readonly #offers = new Set<{ readonly task: Task<T>; readonly offer: Offer; retracting: boolean }>();
  #timer: NodeJS.Timeout | undefined;
  #offering = false;
  #accepting = 0;
  #returns = 0;
  #quietUntilMs = 0;
  #changed = Promise.withResolvers<void>();

  constructor(work: Work<T>, options: WorkListOptions) {
    this.#work = work;
    this.#signal = options.signal;
    this.#askPlacesMax = options.placesMax;
    this.#waiting = work.items.map((item) => ({ item, again: false }));
    this.#smallestBytes = options.pieceBytes * SMALLEST_SHARE;
    const totalBytes = work.items.reduce((sum, item) => sum + work.sizeBytes(item), 0);
    this.#peers =
      options.peers !== undefined && totalBytes >= options.peers.fromBytes ? options.peers : undefined;
    if (this.#peers === undefined) return;
    this.#timer = setInterval(() => void this.#offerSome(), LOOK_MS);
    void this.#offerSome();
  }

  /**
   * What to do next: what nobody has, or else what was offered and nobody has begun. Where others have begun all that is left,
   * waits for them, in case that any of it comes back.
   * @returns undefined: all is done, or being done by the sessions
   * @throws the signal's reason when it aborts
   */
  async take(): Promise<Task<T> | undefined> {
    for (;;) {
      this.#signal.throwIfAborted();
      const next = this.#waiting.shift();
      if (next !== undefined) return next;
      const changed = this.#changed.promise;
      const open = [...this.#offers].findLast(({ retracting }) => !retracting);
      if (open !== undefined) {
        open.retracting = true;
        const retracted = await open.offer.retract();
        if (retracted && this.#offers.delete(open)) {
          this.#change();
          return open.task;
        }
      } else if (this.#offers.size === 0 && this.#accepting === 0 && !this.#offering) {
        return undefined;
      } else {
        await this.#untilChanged(changed);
      }
    }
  }

  /** The next that nobody has, where it is wanted: never waits for anybody. */
  takeIf(isWanted: (item: T) => boolean): Task<T> | undefined {
    const [next] = this.#waiting;
    return next !== undefined && isWanted(next.item) ? this.#waiting.shift() : undefined;
  }

  /** Whether it may be offered to others: then nobody is to have several of the kind at once. */
  isForOthers(item: T): boolean {
    if (this.#peers === undefined) return false;
    const { sizeBytes, isForOthers } = this.#work;
    return sizeBytes(item) >= this.#smallestBytes && (isForOthers?.(item) ?? true);
  }

  /** Offers nothing more. What was offered is whoever's who made the peers. */
  close(): void {
    clearInterval(this.#timer);
  }

  async #untilChanged(changed: Promise<void>): Promise<void> {
    const { promise: aborted, resolve } = Promise.withResolvers<void>();
    const stop = (): void => resolve();
    this.#signal.addEventListener("abort", stop, { once: true });
    await Promise.race([changed, aborted]);
    this.#signal.removeEventListener("abort", stop);
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async #offerSome(): Promise<void> {
    const peers = this.#peers;
    if (peers === undefined || this.#offering || this.#signal.aborted) return;
    if (this.#waiting.length === 0 || performance.now() < this.#quietUntilMs) return;
    this.#offering = true;
    try {
      const room = await peers.room();
      if (room === 0) return;
      const limit = OFFERS_PER_PLACE * Math.min(room, (this.#placesMax ??= await this.#askPlacesMax()));
      while (this.#offers.size < limit && !this.#signal.aborted) {
        const task = this.#takeForOthers();
        if (task === undefined) break;
        await this.#offer(peers, task);
      }
    } catch {
      // Who cannot be reached cannot take anything up; it is all done here, and they are asked again later.
      this.#quietUntilMs = performance.now() + QUIET_MS;
    } finally {
      this.#offering = false;
      this.#change();
    }
  }

  #takeForOthers(): Task<T> | undefined {
    const place = this.#waiting.findIndex(({ item }) => this.isForOthers(item));
    return place === -1 ? undefined : this.#waiting.splice(place, 1)[0];
  }

  async #offer(peers: Peers, task: Task<T>): Promise<void> {
    const { item } = task;
    let counted: PieceProgress = { rows: 0, bytes: 0 };
    const count = (now: PieceProgress): void => {
      this.#work.onProgress(item, { rows: now.rows - counted.rows, bytes: now.bytes - counted.bytes });
      counted = now;
    };
    let offer: Offer;
    try {
      offer = await peers.offer(await this.#work.describe(item), count);
    } catch (error) {
      this.#waiting.unshift(task);
      throw error;
    }
    const entry = { task, offer, retracting: false };
    this.#offers.add(entry);
    void offer.settled.then(async (settlement) => {
      this.#offers.delete(entry);
      this.#accepting += 1;
      const accepted = await this.#accept(item, settlement);
      if (!accepted) {
        count({ rows: 0, bytes: 0 });
        this.#waiting.unshift({ item, again: true });
      }
      this.#returns = accepted ? 0 : this.#returns + 1;
      if (this.#returns >= RETURNS_MAX) this.#quietUntilMs = performance.now() + QUIET_MS;
      this.#accepting -= 1;
      this.#change();
      void this.#offerSome();
    });
  }

  async #accept(item: T, settlement: Settlement): Promise<boolean> {
    if (!settlement.done) return false;
    try {
      await this.#work.accept(item, settlement.result);
      return true;
    } catch {
      // Whatever is wrong with it: what is done here is either right, or fails with an error of its own.
      return false;
    }
  }
}
