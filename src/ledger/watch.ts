// Tells who wants to know how a run is: one connection that listens for a whole process, and one reading of a row for
// all who watch it. What is announced is read again from the ledger, and what is watched is read again every second
// anyway: a lost announcement delays a change, and loses nothing.
import { setImmediate as turn } from "node:timers/promises";
import { HoldfastError } from "../core/errors.ts";
import { takeRightOfWay } from "../core/right-of-way.ts";
import { isFinal } from "../core/run.ts";
import { createThrottle } from "../core/throttle.ts";
import type { Ledger } from "./connect.ts";
import { createFirehose } from "./firehose.ts";
import { createMailbox } from "./mailbox.ts";
import { RUNS_CHANNEL, type Run } from "./run-row.ts";
import { findRuns } from "./runs.ts";

/** The most often that anybody is told of changes. */
const READ_INTERVAL_MS = 100;
const SAFETY_INTERVAL_MS = 1_000;
/** So many are told in one turn of the event loop: a crowd on one run does not hold up everybody else's requests. */
const TOLD_AT_ONCE = 10;

export interface RunWatcher {
  /**
   * The run as it is now, then as it is after every change (at most one each 100 ms; the latest always), and the end
   * after its final state. Many may watch the same run at the cost of one.
   * @throws HoldfastError NOT_FOUND at a read, where there is no such run
   */
  watch(runId: string, signal?: AbortSignal): AsyncIterableIterator<Run, undefined>;
  /** A run that somebody watches, as it was read last, at most some seconds ago; undefined: nobody does, or not yet. */
  peek(runId: string): Run | undefined;
  /**
   * Every run as it changes from now on, until the reader leaves.
   * @throws HoldfastError SUBSCRIBER_TOO_SLOW at a read, when too much has waited for it
   */
  watchAll(signal?: AbortSignal): AsyncIterableIterator<Run, undefined>;
  /**
   * Calls back once when somebody has asked for the run to be cancelled.
   * @returns stops the watching
   */
  onCancelRequested(runId: string, callback: () => void): () => void;
  /** Ends every watch, and the listening. The ledger stays open. */
  close(): Promise<void>;
}

/** Given a run as it was just read; undefined if there is none. */
type Listener = (run: Run | undefined) => void;

/** Those who watch a run, and what they were given last. */
interface Topic {
  readonly listeners: Set<Listener>;
  latest: Run | undefined;
}

/** Whoever has left meanwhile is told nothing. */
async function tell(listeners: ReadonlySet<Listener>, run: Run | undefined): Promise<void> {
  const giveBack = takeRightOfWay();
  for (const [place, listener] of [...listeners].entries()) {
    if (place > 0 && place % TOLD_AT_ONCE === 0) await turn();
    if (listeners.has(listener)) listener(run);
  }
  giveBack();
}

/**
 * Starts to listen. One for each process, shared by all who watch.
 * @param onError told of readings that failed; they are tried again
 * @throws what the driver throws where the database cannot be reached at first
 */
export async function watchRuns(
  ledger: Ledger,
  onError: (error: unknown) => void = () => undefined,
): Promise<RunWatcher> {
  const topics = new Map<string, Topic>();
  const firehose = createFirehose(ledger);
  const stale = new Set<string>();

  const read = async (): Promise<void> => {
    const ids = [...stale].filter((id) => topics.has(id) || firehose.isOpen());
    // Before the reading: what is announced while it goes on has to be read once more.
    stale.clear();
    const found = new Map((await findRuns(ledger, ids)).map((run) => [run.id, run]));
    for (const id of ids) {
      const run = found.get(id);
      const topic = topics.get(id);
      if (topic !== undefined) {
        topic.latest = run;
        await tell(topic.listeners, run);
      }
      if (run !== undefined) firehose.tell(run);
    }
    await firehose.lookOver();
  };
  const reading = createThrottle(read, READ_INTERVAL_MS, onError);

  const touch = (runId: string): void => {
    if (!topics.has(runId) && !firehose.isOpen()) return;
    stale.add(runId);
    reading.request();
  };
  const touchAll = (): void => {
    for (const runId of topics.keys()) stale.add(runId);
    if (firehose.isOpen()) firehose.doubt();
    if (topics.size > 0 || firehose.isOpen()) reading.request();
  };

  const subscribe = (runId: string, listener: Listener): (() => void) => {
    const topic = topics.get(runId) ?? { listeners: new Set(), latest: undefined };
    topic.listeners.add(listener);
    topics.set(runId, topic);
    touch(runId);
    return () => {
      topic.listeners.delete(listener);
      if (topic.listeners.size === 0 && topics.get(runId) === topic) topics.delete(runId);
    };
  };

  const open = new Set<{ end(): void }>();
  // Also called whenever the driver has connected again: whatever was announced meanwhile was lost.
  const listening = await ledger.sql.listen(RUNS_CHANNEL, touch, touchAll);
  const safety = setInterval(touchAll, SAFETY_INTERVAL_MS);

  return {
    watch(runId, signal) {
      let revision = -1;
      const mailbox = createMailbox<Run>({
        signal,
        onClose: () => {
          open.delete(mailbox);
          unsubscribe();
        },
      });
      const unsubscribe = subscribe(runId, (run) => {
        if (run === undefined) {
          mailbox.fail(new HoldfastError("NOT_FOUND", `There is no run ${runId}.`));
        } else if (run.revision > revision) {
          revision = run.revision;
          mailbox.put(runId, run);
          if (isFinal(run.status)) mailbox.end();
        }
      });
      if (mailbox.closed) unsubscribe();
      else open.add(mailbox);
      return mailbox;
    },

    peek: (runId) => topics.get(runId)?.latest,

    watchAll(signal) {
      const mailbox = firehose.open({
        signal,
        onClose: () => open.delete(mailbox),
      });
      open.add(mailbox);
      reading.request();
      return mailbox;
    },

    onCancelRequested(runId, callback) {
      const unsubscribe = subscribe(runId, (run) => {
        if (run?.cancelRequestedAt == null) return;
        unsubscribe();
        callback();
      });
      return unsubscribe;
    },

    async close() {
      clearInterval(safety);
      for (const mailbox of open) mailbox.end();
      topics.clear();
      await reading.stop();
      await listening.unlisten();
    },
  };
}
