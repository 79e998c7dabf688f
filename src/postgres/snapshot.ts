// One moment of a database, shared by every session that copies it.
import { sql } from "drizzle-orm";
import { tableLabel, type TableName } from "../core/catalog.ts";
import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import { someNames } from "../core/some.ts";
import { wantedTables, type RelationRow } from "./catalog-queries.ts";
import type { Database } from "./connect.ts";
import { countFreeConnections } from "./free-connections.ts";
import { describeTables, findTables } from "./introspect.ts";
import { readingShortfalls, refuseShortfalls } from "./privileges.ts";
import { literal, statementText, tableIdentifier } from "./quote.ts";
import type { Session } from "./session.ts";
import type { TableShape } from "./table-shape.ts";
import { describeTypes, type TypeNeeds } from "./types.ts";

export interface SnapshotOptions {
  /** How long somebody may keep a table to himself before the backup gives up. */
  readonly lockTimeoutMs?: number;
}

/** What other processes join a snapshot by. */
export interface SnapshotName {
  /** As `pg_export_snapshot` gave it. */
  readonly id: string;
  /** What is visible in it, as `pg_current_snapshot` prints it: no other server has both alike. */
  readonly visible: string;
}

export interface Snapshot extends AsyncDisposable {
  /** Good for as long as the leader lasts. */
  readonly name: SnapshotName;
  /** In the order in which they were asked for. */
  readonly tables: readonly TableShape[];
  /** What they need that is not PostgreSQL's own. */
  readonly needs: TypeNeeds;
  /** By the server's clock, as ISO 8601 in UTC. */
  readonly takenAt: string;
  /** As `server_version` prints it. */
  readonly serverVersion: string;
  /** Of the database; what is read is UTF-8 whatever it is. */
  readonly encoding: string;
  /** How many further connections may be taken, see `countFreeConnections`. */
  readonly freeConnections: number;
  /** The session that holds the snapshot; it may copy like the others. Not to be closed. */
  readonly leader: Session;
  /**
   * Another session that sees the same rows. Join before copying starts: somebody who comes to alter a table waits for the
   * leader, and a session that joins later would wait for him. The caller may close the session; closing the snapshot does.
   * @throws TABLE_LOCKED when somebody waits already: then those who have joined can do the work without this one
   */
  join(signal: AbortSignal): Promise<Session>;
  /** Rolls back and closes all sessions. */
  close(): Promise<void>;
}

const LOCK_TIMEOUT_MS = 10_000;
/** Whoever is in the way of one that joins waits for the leader, and so for the end of the backup. */
const JOIN_LOCK_TIMEOUT_MS = 1_000;
const CHARACTERISTICS = "ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/**
 * Locks the tables against changes of their shape, takes the snapshot and describes the tables as they are in it. The locks come
 * first: a table that is truncated or rewritten between the two would look empty.
 * @throws TABLE_MISSING, CONFIG_INVALID (not a table), TABLE_LOCKED, DATABASE_DENIED, DATABASE_UNREACHABLE; ROW_SECURITY naming
 *   every table whose policies would hide rows from this role
 */
export async function openSnapshot(
  database: Database,
  names: readonly TableName[],
  signal: AbortSignal,
  options: SnapshotOptions = {},
): Promise<Snapshot> {
  const leader = await database.session(signal);
  try {
    const found = await findTables(leader, names);
    refuseShortfalls(database.name, "a backup", await readingShortfalls(leader, names));
    // As text: each session sends it.
    const locks = statementText(
      sql`LOCK TABLE ${sql.join(
        // The rows of a partitioned table are in its partitions; what inherits from another table is not copied with it.
        found.map((table) => sql`${sql.raw(table.kind === "p" ? "" : "ONLY ")}${tableIdentifier(table)}`),
        sql`, `,
      )} IN ACCESS SHARE MODE`,
    );
    await leader.begin(CHARACTERISTICS);
    await lockTables(leader, found, locks, options.lockTimeoutMs ?? LOCK_TIMEOUT_MS);
    const [moment] = await leader.rows<Moment>(sql`
      SELECT pg_export_snapshot() AS id, pg_current_snapshot()::text AS visible,
        to_char(statement_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS taken_at,
        current_setting('server_version') AS server_version, current_setting('server_encoding') AS encoding`);
    if (moment === undefined) throw new Error("the server exported no snapshot");
    const tables = await describeTables(leader, names);
    refusePolicies(database.name, tables);
    const needs = await describeTypes(
      leader,
      tables.map((table) => table.oid),
    );
    const joined: Session[] = [];
    const close = async (): Promise<void> => {
      await Promise.all([leader, ...joined].map((session) => session.close()));
    };
    return {
      name: { id: moment.id, visible: moment.visible },
      tables,
      needs,
      takenAt: moment.taken_at,
      serverVersion: moment.server_version,
      encoding: moment.encoding,
      freeConnections: await countFreeConnections(leader),
      leader,
      async join(signal) {
        const session = await database.session(signal);
        try {
          await session.begin(CHARACTERISTICS);
          await session.query(sql`SET TRANSACTION SNAPSHOT ${literal(moment.id)}`);
          await lockTables(session, found, locks, JOIN_LOCK_TIMEOUT_MS);
        } catch (error) {
          await session.close();
          throw error;
        }
        joined.push(session);
        return session;
      },
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await leader.close();
    throw error;
  }
}

/**
 * A session on a snapshot that another process holds, with the table locked that it is to read. The caller closes it.
 * @param table with its oid, for another database may have one of the same name
 * @throws TABLE_LOCKED when somebody waits for the table to be let go, who would be waited for in turn; SUPERSEDED for the snapshot
 *   of another server; what the server says of one that has ended
 */
export async function joinSnapshot(
  database: Database,
  name: SnapshotName,
  table: TableName & { readonly oid: number },
  signal: AbortSignal,
): Promise<Session> {
  const session = await database.session(signal);
  try {
    await session.begin(CHARACTERISTICS);
    await session.query(sql`SET TRANSACTION SNAPSHOT ${literal(name.id)}`);
    await session.query(sql`SET LOCAL lock_timeout = ${literal(`${JOIN_LOCK_TIMEOUT_MS}ms`)}`);
    await session.query(sql`LOCK TABLE ONLY ${tableIdentifier(table)} IN ACCESS SHARE MODE`);
    const [found] = await session.rows<{ visible: string; oid: number }>(sql`
      SELECT pg_current_snapshot()::text AS visible, c.oid FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = ${table.schema} AND c.relname = ${table.name}`);
    if (found?.visible !== name.visible || found.oid !== table.oid)
      throw new HoldfastError("SUPERSEDED", `The database ${database.name} is not the one of the snapshot.`);
    return session;
  } catch (error) {
    await session.close();
    throw error;
  }
}

interface Moment {
  id: string;
  visible: string;
  taken_at: string;
  server_version: string;
  encoding: string;
}

async function lockTables(
  session: Session,
  tables: readonly RelationRow[],
  locks: string,
  timeoutMs: number,
): Promise<void> {
  await session.query(sql`SET LOCAL lock_timeout = ${literal(`${timeoutMs}ms`)}`);
  try {
    await session.query(locks);
  } catch (error) {
    if (!isHoldfastError(error, "TABLE_LOCKED")) throw error;
    await session.rollback();
    throw await tablesLocked(session, tables, timeoutMs, error);
  }
}

/** The server says that a lock was not to be had, and neither of which table nor because of whom. */
async function tablesLocked(
  session: Session,
  tables: readonly RelationRow[],
  timeoutMs: number,
  cause: HoldfastError,
): Promise<HoldfastError> {
  const holders = await session.rows<TableName & { pid: number; application: string }>(sql`
    WITH RECURSIVE locked AS (
      SELECT oid FROM ${wantedTables(tables.map((table) => table.oid))}
      -- pg_partition_tree() would wait for the very lock
      UNION SELECT i.inhrelid FROM locked JOIN pg_inherits i ON i.inhparent = locked.oid
    )
    SELECT n.nspname::text AS schema, c.relname::text AS name, l.pid, coalesce(a.application_name, '') AS application
    FROM pg_locks l
    JOIN locked ON locked.oid = l.relation
    JOIN pg_class c ON c.oid = l.relation
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.mode = 'AccessExclusiveLock'
    ORDER BY 1, 2, 3`);
  const who = holders.map(
    ({ pid, application, ...table }) =>
      `${tableLabel(table)} by process ${pid} (${application || "unnamed"})`,
  );
  const waited = `After ${timeoutMs / 1_000} s a table of the database ${session.database} was still locked`;
  return new HoldfastError("TABLE_LOCKED", `${waited}: ${someNames(who) || "by whom is not known"}.`, {
    cause,
    details: { database: session.database, tables: [...new Set(holders.map(tableLabel))] },
  });
}

function refusePolicies(database: string, tables: readonly TableShape[]): void {
  const hidden = tables.filter((table) => table.rowsAreHidden).map(tableLabel);
  if (hidden.length === 0) return;
  const message = `In the database ${database}, row-level security may hide rows of ${someNames(hidden)} from the role.`;
  throw new HoldfastError("ROW_SECURITY", message, { details: { database, tables: hidden } });
}
