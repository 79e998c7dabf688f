// Rows of tables that are empty go into them while others are still being staged: whatever the comparison will look at, all of them are
// inserted. They are inserted by the transaction that applies the restore, which has begun for it, so that they are there with everything
// else or not at all. It is an attempt: where anything is in its way it is rolled back, and the restore goes on as if it had not been made.
import { sql, type SQL } from "drizzle-orm";
import { insertStaged } from "./apply.ts";
import { beginApplying, setLockTimeout } from "./begin-restore.ts";
import { isEmpty } from "./compare.ts";
import { lockTables, type TableLock } from "./locks.ts";
import { lockOf } from "./restore-locks.ts";
import type { RestoredTable } from "./restored-table.ts";
import type { Session } from "./session.ts";
import type { StagedPart } from "./stage-rows.ts";
import type { StagingSchema } from "./staging-schema.ts";
import { disableTriggers, quieten } from "./triggers.ts";

/** Somebody who holds the table is not waited for: there is time for that when everything is staged. */
const CLAIM_TIMEOUT_MS = 100;
/**
 * With these tables locked, the others are not locked in the order in which everybody locks them. Whoever holds one may wait for one of
 * these: it is given up before the server, after a second by default, takes the two for a deadlock and ends either.
 */
const LOCK_TIMEOUT_MS = 500;
/** So much of a table's rows is inserted at a time. Each time looks through all that is staged of it by then. */
const SHARE = 1 / 8;

interface Progress {
  readonly dueRows: number;
  inserted: number;
  /** Of which everything is inserted. */
  readonly done: string[];
  waiting: StagedPart[];
}

export class EarlyInserts {
  readonly session: Session;
  readonly #tables = new Map<RestoredTable, Progress>();
  #enableTriggers: (() => Promise<void>) | undefined;
  #inserting = false;
  #failed = false;

  /** Takes the session, and closes it where there is nothing to do. */
  private constructor(session: Session) {
    this.session = session;
  }

  /**
   * Begins the transaction, and locks those of the tables against writers that are empty.
   * @param tables of which all rows that are staged are to be restored
   * @returns undefined where none is empty, or the attempt cannot be made; then the session is closed
   */
  static async begin(
    session: Session,
    schema: StagingSchema,
    tables: readonly RestoredTable[],
  ): Promise<EarlyInserts | undefined> {
    const early = new EarlyInserts(session);
    try {
      await early.#begin(schema, tables);
    } catch {
      early.#failed = true;
    }
    if (!early.#failed && early.#tables.size > 0) return early;
    await session.close();
    return undefined;
  }

  async #begin(schema: StagingSchema, tables: readonly RestoredTable[]): Promise<void> {
    const { session } = this;
    await beginApplying(session, schema, CLAIM_TIMEOUT_MS);
    // Who may not set triggers and foreign keys to rest as a whole would have to drop and make keys again, which is left for later.
    if ((await quieten(session)) !== "REPLICA") return;
    for (const table of tables) if (await this.#claim(table)) this.#tables.set(table, progressOf(table));
    const oids = [...this.#tables.keys()].map(({ live }) => live.oid);
    this.#enableTriggers = await disableTriggers(session, "REPLICA", oids);
  }

  async #claim(table: RestoredTable): Promise<boolean> {
    // What the database checks only at the end it would not check at all: its trigger rests.
    if (table.rivals.some(({ immediate }) => !immediate)) return false;
    const { session } = this;
    await session.query("SAVEPOINT holdfast_early");
    const claimed = await lockTables(session, [lockOf(table)]).then(
      () => isEmpty(session, table),
      () => false,
    );
    await session.query(`${claimed ? "RELEASE" : "ROLLBACK TO"} SAVEPOINT holdfast_early`);
    return claimed;
  }

  has(table: RestoredTable): boolean {
    return !this.#failed && this.#tables.has(table);
  }

  /**
   * A part of the table is staged. Inserts what has come together, as long as that is enough, unless somebody is at it: inserting is
   * what takes longest, so it shall not wait for whoever does it to load another part. Never rejects.
   */
  async note(table: RestoredTable, part: StagedPart): Promise<void> {
    this.#tables.get(table)?.waiting.push(part);
    if (this.#inserting) return;
    this.#inserting = true;
    for (let due = this.#due(); due !== undefined; due = this.#due()) {
      const [dueTable, progress] = due;
      await this.#attempt(() => this.#insertWaiting(dueTable, progress));
    }
    this.#inserting = false;
  }

  #due(): [RestoredTable, Progress] | undefined {
    if (this.#failed) return undefined;
    return [...this.#tables].find(
      ([, { waiting, dueRows }]) => waiting.length > 0 && rowsOf(waiting) >= dueRows,
    );
  }

  /**
   * Inserts what is left, once everything is staged, and locks what else is to be. Never rejects.
   * @param staged how many rows are staged of each table
   * @returns whether the tables now have all their rows; if not, the attempt has failed, and is rolled back
   */
  async finish(staged: ReadonlyMap<RestoredTable, number>, locks: readonly TableLock[]): Promise<boolean> {
    for (const [table, progress] of this.#tables) {
      await this.#attempt(async () => {
        const rows = staged.get(table) ?? 0;
        const known = progress.inserted + rowsOf(progress.waiting);
        if (known === rows) await this.#insertWaiting(table, progress);
        // Others have staged the rest: it is all that has not been inserted yet.
        else progress.inserted += await this.#insert(table, sql`<> ALL(${listOf(progress.done)})`);
        if (progress.inserted !== rows) throw new Error("rows were missed");
      });
    }
    await this.#attempt(async () => {
      await setLockTimeout(this.session, LOCK_TIMEOUT_MS);
      await lockTables(this.session, locks);
    });
    return !this.#failed;
  }

  /** Gives triggers of the tables their state back. */
  async enableTriggers(): Promise<void> {
    await this.#enableTriggers?.();
  }

  async #insertWaiting(table: RestoredTable, progress: Progress): Promise<void> {
    const { waiting } = progress;
    if (waiting.length === 0) return;
    progress.waiting = [];
    const transactions = waiting.map(({ transaction }) => transaction);
    const inserted = await this.#insert(table, sql`= ANY(${listOf(transactions)})`);
    if (inserted !== rowsOf(waiting)) throw new Error("other rows are staged than were loaded");
    progress.inserted += inserted;
    progress.done.push(...transactions);
  }

  #insert(table: RestoredTable, transaction: SQL): Promise<number> {
    return insertStaged(this.session, table, sql`staged.xmin ${transaction}`);
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    if (this.#failed) return;
    try {
      await work();
    } catch {
      this.#failed = true;
      await this.session.close();
    }
  }
}

function progressOf({ backup }: RestoredTable): Progress {
  return { dueRows: Math.ceil(backup.rows * SHARE), inserted: 0, done: [], waiting: [] };
}

const rowsOf = (parts: readonly StagedPart[]): number => parts.reduce((sum, { rows }) => sum + rows, 0);

const listOf = (transactions: readonly string[]): SQL => sql.raw(`'{${transactions.join(",")}}'::xid[]`);
