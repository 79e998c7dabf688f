// Who works, and what they share: the processes with workers, and the pieces of runs that one of them offers to the others.
import { bigint, index, integer, jsonb, primaryKey, text, timestamp, uuid } from "drizzle-orm/pg-core";
import { holdfast, runs } from "./tables.ts";

/** A process that works on runs, for as long as it shows signs of life. */
export const workers = holdfast.table("workers", {
  id: uuid().primaryKey(),
  /** For people: its host and process. */
  name: text().notNull(),
  stores: text().array().notNull(),
  /** How many pieces of others' runs it works on at the same time. */
  places: integer().notNull(),
  beatAt: timestamp("beat_at", { withTimezone: true }).notNull().defaultNow(),
});

export const pieceStatus = holdfast.enum("piece_status", ["OPEN", "TAKEN", "DONE", "RETURNED"]);

/** A piece of a run's work that its worker has offered. It is taken once: what comes back is offered as another piece. */
export const pieces = holdfast.table(
  "pieces",
  {
    runId: uuid("run_id")
      .notNull()
      .references(() => runs.id, { onDelete: "cascade" }),
    /** The attempt at the run that it is a piece of; of another one nobody works on it any more. */
    attempt: integer().notNull(),
    number: integer().notNull(),
    status: pieceStatus().notNull().default("OPEN"),
    /** What is to be done; nothing in it is secret. */
    task: jsonb().$type<unknown>().notNull(),
    stores: text().array().notNull(),
    /** The name of the worker that has taken it. */
    worker: text(),
    rows: bigint({ mode: "number" }).notNull().default(0),
    bytes: bigint({ mode: "number" }).notNull().default(0),
    result: jsonb().$type<unknown>(),
    /** Why it came back. */
    reason: text(),
    beatAt: timestamp("beat_at", { withTimezone: true }).notNull().defaultNow(),
    createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.runId, table.attempt, table.number] }),
    index("pieces_created").on(table.createdAt),
  ],
);
