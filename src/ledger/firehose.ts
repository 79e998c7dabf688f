// Every run as it changes, for those who watch them all: those that are announced, and those that a look over the ledger
// finds changed though nobody heard of it.
import { gt, isNull, or, sql } from "drizzle-orm";
import { HoldfastError } from "../core/errors.ts";
import type { Ledger } from "./connect.ts";
import { createMailbox, type Mailbox } from "./mailbox.ts";
import type { Run } from "./run-row.ts";
import { findRuns } from "./runs.ts";
import { runs } from "./tables.ts";

/** So many different runs may wait for one reader: more than change within one reading, whatever happens. */
const CAPACITY = 10_000;
/** A look over the ledger reaches so much farther back than the last one, for runs that have ended since. */
const OVERLAP_MS = 60_000;

export interface Firehose {
  open(options: { signal?: AbortSignal | undefined; onClose: () => void }): Mailbox<Run>;
  isOpen(): boolean;
  /** Passes on a run that was announced. */
  tell(run: Run): void;
  /** Has the next look over the ledger happen: an announcement may have been missed. */
  doubt(): void;
  /** Passes on what has changed unheard, if there is doubt. */
  lookOver(): Promise<void>;
}

export function createFirehose(ledger: Ledger): Firehose {
  const mailboxes = new Set<Mailbox<Run>>();
  /** The revisions that were met with, and whether they were passed on; empty: nothing was looked at yet. */
  const known = new Map<string, { readonly revision: number; readonly told: boolean }>();
  let lookedAtMs: number | undefined;
  let doubtful = false;

  const pass = (run: Run): void => {
    known.set(run.id, { revision: run.revision, told: true });
    for (const mailbox of mailboxes) mailbox.put(run.id, run);
  };

  return {
    open({ signal, onClose }) {
      const mailbox = createMailbox<Run>({
        signal,
        capacity: CAPACITY,
        onOverflow: () =>
          new HoldfastError("SUBSCRIBER_TOO_SLOW", `Changes of ${CAPACITY} runs were waiting to be read.`),
        onClose: () => {
          mailboxes.delete(mailbox);
          if (mailboxes.size === 0) {
            known.clear();
            lookedAtMs = undefined;
          }
          onClose();
        },
      });
      if (!mailbox.closed) mailboxes.add(mailbox);
      doubtful = true;
      return mailbox;
    },

    isOpen: () => mailboxes.size > 0,

    tell(run) {
      const before = known.get(run.id);
      // The first look may have met with this very change before its announcement came: then it was not passed on.
      if (mailboxes.size > 0 && !(before?.told === true && before.revision === run.revision)) pass(run);
    },

    doubt() {
      doubtful = true;
    },

    async lookOver() {
      if (!doubtful || mailboxes.size === 0) return;
      const startedAtMs = performance.now();
      const isFirst = lookedAtMs === undefined;
      const reachMs = OVERLAP_MS + (lookedAtMs === undefined ? 0 : startedAtMs - lookedAtMs);
      const rows = await ledger.db
        .select({ id: runs.id, revision: runs.revision })
        .from(runs)
        .where(
          or(
            isNull(runs.finishedAt),
            gt(runs.finishedAt, sql`now() - make_interval(secs => ${reachMs / 1000})`),
          ),
        );
      const changed = rows.filter(({ id, revision }) => known.get(id)?.revision !== revision);
      if (isFirst) {
        for (const { id, revision } of changed) if (!known.has(id)) known.set(id, { revision, told: false });
      } else {
        const ids = changed.map(({ id }) => id);
        for (const run of await findRuns(ledger, ids)) pass(run);
      }
      // What has ended long ago changes no more, and need not be remembered.
      const recent = new Set(rows.map(({ id }) => id));
      for (const id of known.keys()) if (!recent.has(id)) known.delete(id);
      lookedAtMs = startedAtMs;
      doubtful = false;
    },
  };
}
