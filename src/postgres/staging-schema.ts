// The schema that one attempt of a restore has to itself in the database it restores into: made, found again after a crash, dropped.
// Beside the staged rows it holds the outcome, written by the transaction that applies: whoever takes a run up again learns from
// it what was already done.
import { sql, type SQL } from "drizzle-orm";
import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import type { TableName } from "../core/catalog.ts";
import type { TableChanges } from "../core/run.ts";
import type { ComparedTable } from "./compare.ts";
import type { Database } from "./connect.ts";
import { endHolders } from "./end-holders.ts";
import { literal, tableIdentifier } from "./quote.ts";
import type { Session } from "./session.ts";

/** What a restore did, or would do, in all of its databases. */
export interface RestoreResult {
  readonly changes: readonly TableChanges[];
  /** Identifies the differences that were found; the same for the same backup, choice and live rows. */
  readonly plan: string;
}

/** What a restore that was committed did in one database. */
export interface Outcome {
  /** Of the restore as a whole. */
  readonly plan: string;
  /** This database's. */
  readonly tables: readonly ComparedTable[];
}

export interface StagingSchema {
  /** The schema's name. */
  readonly name: string;
  readonly runId: string;
  readonly attempt: number;
}

const PREFIX = "holdfast_restore_";
/** Of the schema, with the time after it. */
const COMMENT = "A restore of Holdfast's, since ";
const OUTCOME = "outcome";
/** Only of restores that are shared, see staging-pieces.ts. */
const PIECES = "pieces";
/** Each table that is dropped takes a few entries of the server's lock table until its transaction ends. */
const DROP_BATCH = 100;
/** What holds a staging table is another session of the same run, and ends soon or has just been ended. */
const LOCK_TIMEOUT = "30s";

/** @param runId a UUID */
export function stagingSchema(runId: string, attempt: number): StagingSchema {
  return { name: `${PREFIX}${runId.replaceAll("-", "").toLowerCase()}_${attempt}`, runId, attempt };
}

function parseName(name: string): StagingSchema | undefined {
  const parts = /^holdfast_restore_(.{8})(.{4})(.{4})(.{4})(.{12})_(\d+)$/.exec(name);
  if (parts === null) return undefined;
  return { name, runId: parts.slice(1, 6).join("-"), attempt: Number(parts[6]) };
}

const outcomeOf = (schema: StagingSchema): SQL => tableIdentifier({ schema: schema.name, name: OUTCOME });

/** The table of the pieces that other processes load. */
export const piecesOf = (schema: Pick<StagingSchema, "name">): SQL =>
  tableIdentifier({ schema: schema.name, name: PIECES });

/** @throws DATABASE_DENIED where the role may not create schemas */
export async function createStagingSchema(session: Session, schema: StagingSchema): Promise<void> {
  await session.transaction(async () => {
    await session.query(sql`CREATE SCHEMA ${sql.identifier(schema.name)}`);
    // PostgreSQL does not keep when a schema was made.
    const [now] = await session.rows<{ text: string }>("SELECT now()::text AS text");
    const comment = literal(`${COMMENT}${now?.text ?? ""}`);
    await session.query(sql`COMMENT ON SCHEMA ${sql.identifier(schema.name)} IS ${comment}`);
    await session.query(sql`CREATE TABLE ${outcomeOf(schema)} (result jsonb NOT NULL)`);
  });
}

/** Shows, for as long as the session lasts, that somebody works with the schema: nobody sweeps it away. */
export async function occupy(session: Session, schema: StagingSchema): Promise<void> {
  await session.query(sql`SELECT pg_advisory_lock_shared(${lockKey(schema)})`);
}

const lockKey = (schema: StagingSchema): SQL => sql`hashtextextended(${schema.name}, 0)`;

/** Makes whoever takes the run over wait for the end of the transaction, or end it. */
export async function holdOutcome(session: Session, schema: StagingSchema): Promise<void> {
  await session.query(sql`LOCK TABLE ${outcomeOf(schema)} IN ROW EXCLUSIVE MODE`);
}

/** SUPERSEDED for an error that came of the schema's having been taken away; any other is returned as it is. */
export function supersededError(schema: StagingSchema, error: unknown): unknown {
  const isGone = isHoldfastError(error, "TABLE_MISSING") && error.message.includes(schema.name);
  return isGone ? superseded(error) : error;
}

function superseded(cause?: unknown): HoldfastError {
  return new HoldfastError("SUPERSEDED", "Another worker has taken this restore over.", { cause });
}

/** Part of the transaction that applies, so that the outcome is there exactly if the rows are. */
export async function recordOutcome(
  session: Session,
  schema: StagingSchema,
  outcome: Outcome,
): Promise<void> {
  await session.query(sql`INSERT INTO ${outcomeOf(schema)} VALUES (${JSON.stringify(outcome)}::jsonb)`);
}

/** Every staging schema in the database, or those of one run, in order of attempt. */
export async function findStaging(session: Session, runId?: string): Promise<StagingSchema[]> {
  const rows = await session.rows<{ name: string }>(
    sql`SELECT nspname::text AS name FROM pg_namespace WHERE starts_with(nspname::text, ${PREFIX})`,
  );
  return rows
    .map((row) => parseName(row.name))
    .filter((schema) => schema !== undefined)
    .filter((schema) => runId === undefined || schema.runId === runId.toLowerCase())
    .toSorted((one, other) => one.attempt - other.attempt);
}

/**
 * Ends whatever earlier attempts of the run still do in the database and drops what they staged. To be called before a run that
 * may have been tried before is staged.
 * @returns what an earlier attempt did, if it came to its commit: then there is nothing left to do
 * @throws SUPERSEDED when a later attempt is already there
 */
export async function takeOver(
  database: Database,
  run: { readonly runId: string; readonly attempt: number },
  signal: AbortSignal,
): Promise<Outcome | undefined> {
  await using session = await database.session(signal);
  for (const schema of await findStaging(session, run.runId)) {
    if (schema.attempt > run.attempt) throw superseded();
    if (schema.attempt === run.attempt) continue;
    const outcome = await settle(session, schema);
    if (outcome !== undefined) return outcome;
    await dropSchema(session, schema);
  }
  return undefined;
}

/**
 * Finds out whether the run was applied in the database, and ends whatever an attempt still does: one that has not come to
 * its commit by now never will.
 * @param run.attempt the last attempt that may have been made
 * @throws SUPERSEDED when a later attempt is there
 */
export async function findOutcome(
  database: Database,
  run: { readonly runId: string; readonly attempt: number },
  signal: AbortSignal,
): Promise<Outcome | undefined> {
  return takeOver(database, { ...run, attempt: run.attempt + 1 }, signal);
}

/**
 * Drops everything that the run has in the database, its outcome too: to be called once the outcome is written down elsewhere, or
 * when the run has failed. Sessions that still hold it are ended.
 */
export async function dropStaging(database: Database, runId: string, signal: AbortSignal): Promise<void> {
  await using session = await database.session(signal);
  for (const schema of await findStaging(session, runId)) {
    await endSessions(session, schema);
    await dropSchema(session, schema);
  }
}

export interface StagedRun {
  readonly runId: string;
  /** Since its staging was made; null where that is not known. */
  readonly ageMs: number | null;
}

/**
 * Drops the staging of runs that are over, as far as nobody works with it.
 * @param findAbandoned says of which of the runs there is nothing to keep
 * @returns the names of the schemas that were dropped
 */
export async function sweepStaging(
  database: Database,
  findAbandoned: (runs: readonly StagedRun[]) => Promise<ReadonlySet<string>>,
  signal: AbortSignal,
): Promise<string[]> {
  await using session = await database.session(signal);
  const schemas = await findStaging(session);
  if (schemas.length === 0) return [];
  const ages = await session.rows<{ name: string; ageMs: number | null }>(sql`
    SELECT nspname::text AS name, (extract(epoch FROM clock_timestamp() -
        substring(obj_description(oid, 'pg_namespace') FROM ${`^${COMMENT}(.*)$`})::timestamptz) * 1000)::float8 AS "ageMs"
    FROM pg_namespace WHERE starts_with(nspname::text, ${PREFIX})`);
  const ageOf = new Map(ages.map(({ name, ageMs }) => [name, ageMs]));
  const abandoned = await findAbandoned(
    schemas.map(({ name, runId }) => ({ runId, ageMs: ageOf.get(name) ?? null })),
  );
  const dropped: string[] = [];
  for (const schema of schemas.filter(({ runId }) => abandoned.has(runId))) {
    const [lock] = await session.rows<{ free: boolean }>(
      sql`SELECT pg_try_advisory_lock(${lockKey(schema)}) AS free`,
    );
    if (lock?.free !== true) continue;
    await dropSchema(session, schema);
    dropped.push(schema.name);
  }
  return dropped;
}

/** An attempt that applies holds a lock on the outcome, so that to get it is to wait for the attempt's end. */
async function readOutcome(session: Session, schema: StagingSchema): Promise<Outcome | undefined> {
  try {
    return await session.transaction(async () => {
      await session.query(sql`SET LOCAL lock_timeout = ${literal(LOCK_TIMEOUT)}`);
      await session.query(sql`LOCK TABLE ${outcomeOf(schema)} IN ACCESS EXCLUSIVE MODE`);
      const rows = await session.rows<{ result: Outcome }>(sql`SELECT result FROM ${outcomeOf(schema)}`);
      // Without an outcome, none shall be written any more: a late transaction fails on the missing table.
      if (rows.length === 0) await session.query(sql`DROP TABLE ${outcomeOf(schema)}`);
      return rows[0]?.result;
    });
  } catch (error) {
    // Taken away by a dropping that was interrupted.
    if (isHoldfastError(error, "TABLE_MISSING")) return undefined;
    throw error;
  }
}

/** Ends whatever an attempt still does, so that it has either committed or never will. */
export async function settle(session: Session, schema: StagingSchema): Promise<Outcome | undefined> {
  await endSessions(session, schema);
  return readOutcome(session, schema);
}

/** Whoever comes later to load a piece finds none, and leaves. */
async function endSessions(session: Session, schema: StagingSchema): Promise<void> {
  const holders = sql`
    SELECT DISTINCT l.pid FROM pg_locks l
    JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
    JOIN pg_class c ON c.oid = l.relation
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = ${schema.name}`;
  await endHolders(session, holders, sql`DROP TABLE IF EXISTS ${piecesOf(schema)}`);
}

/** Drops what was staged, and the schema with it unless it holds an outcome. */
export async function clearStaging(session: Session, schema: StagingSchema): Promise<void> {
  if ((await settle(session, schema)) === undefined) await dropSchema(session, schema);
  else await dropStagedTables(session, schema);
}

/** Tables first and in batches, then the schema. */
async function dropSchema(session: Session, schema: StagingSchema): Promise<void> {
  const tables = await stagedTables(session, schema);
  await dropTables(session, tables);
  await session.transaction(async () => {
    await session.query(sql`SET LOCAL lock_timeout = ${literal(LOCK_TIMEOUT)}`);
    await session.query(sql`DROP SCHEMA IF EXISTS ${sql.identifier(schema.name)} CASCADE`);
  });
}

/** Drops the staged rows and leaves the outcome. */
async function dropStagedTables(session: Session, schema: StagingSchema): Promise<void> {
  const tables = await stagedTables(session, schema);
  await dropTables(
    session,
    tables.filter((table) => table.name !== OUTCOME),
  );
}

async function stagedTables(session: Session, schema: StagingSchema): Promise<TableName[]> {
  return session.rows<TableName>(sql`
    SELECT ${schema.name}::text AS schema, c.relname::text AS name FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = ${schema.name}
    WHERE c.relkind = 'r'`);
}

async function dropTables(session: Session, tables: readonly TableName[]): Promise<void> {
  for (let start = 0; start < tables.length; start += DROP_BATCH) {
    const names = tables.slice(start, start + DROP_BATCH).map(tableIdentifier);
    await session.transaction(async () => {
      await session.query(sql`SET LOCAL lock_timeout = ${literal(LOCK_TIMEOUT)}`);
      await session.query(sql`DROP TABLE IF EXISTS ${sql.join(names, sql`, `)}`);
    });
  }
}
