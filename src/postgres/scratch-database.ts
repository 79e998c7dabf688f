// Databases that are made for a drill, and dropped after it: by the drill itself, or, where its process died, by whichever
// drill comes to the same server next.
import { randomBytes } from "node:crypto";
import { sql, type SQL } from "drizzle-orm";
import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import { otherDatabase } from "../core/postgres-url.ts";
import { openDatabase } from "./connect.ts";
import { literal } from "./quote.ts";
import type { Session } from "./session.ts";

export interface ScratchServer {
  /** The protected database's name in the configuration; messages use it. */
  readonly name: string;
  /** Of a database on the server, whose role may create others. */
  readonly url: string;
}

export interface ScratchDatabase extends AsyncDisposable {
  /** Holds a password: not for logs. */
  readonly url: string;
  /** Drops it and whatever sessions are in it. Never rejects: what cannot be dropped now is swept away by the next drill. */
  [Symbol.asyncDispose](): Promise<void>;
}

const PREFIX = "holdfast_drill_";
/** The first key of the advisory locks that say that a scratch database is somebody's. */
const LOCKS = 0x686f6c64;
/** For a server that does not answer any more. */
const DROP_TIMEOUT_MS = 60_000;

/** What the names of a run's scratch databases begin with. @param runId a UUID */
function runPrefix(runId: string): string {
  return `${PREFIX}${runId.replaceAll("-", "").toLowerCase()}_`;
}

/**
 * Makes an empty database, after dropping those that drills have left behind.
 * @param encoding as `server_encoding` prints it
 * @throws DATABASE_DENIED with a hint where the role may not create databases; DATABASE_UNREACHABLE; the signal's reason
 */
export async function createScratchDatabase(
  server: ScratchServer,
  scratch: { readonly runId: string; readonly encoding: string },
  signal: AbortSignal,
): Promise<ScratchDatabase> {
  // No two attempts at a run share one: neither has to wait for the other to let go of it.
  const name = runPrefix(scratch.runId) + randomBytes(6).toString("hex");
  const database = openDatabase({ ...server, applicationName: "holdfast drill", maxConnections: 1 });
  // Not the drill's own signal: a drill that is cancelled still has to drop what it made.
  const closing = new AbortController();
  const dispose = async (session: Session): Promise<void> => {
    const timer = setTimeout(() => closing.abort(), DROP_TIMEOUT_MS);
    try {
      await session.query(dropStatement(name));
    } catch {
      // The server may be gone, and the database with it; if not, the next drill finds it.
    } finally {
      clearTimeout(timer);
      await database.close();
    }
  };
  try {
    signal.throwIfAborted();
    const session = await database.session(closing.signal);
    await sweep(session);
    // Held as long as this session lives: whoever sweeps sees that the database has an owner.
    await session.query(sql`SELECT pg_advisory_lock(${sql.raw(String(LOCKS))}, hashtext(${name}))`);
    await session.query(creation(name, scratch.encoding)).catch((error: unknown) => {
      throw explained(server.name, error);
    });
    if (signal.aborted) await dispose(session);
    signal.throwIfAborted();
    return { url: otherDatabase(server.url, name), [Symbol.asyncDispose]: () => dispose(session) };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Drops what the run's drill may have left on the server, whoever still works in it: to be called once the run has ended. */
export async function dropScratchDatabases(
  server: ScratchServer,
  runId: string,
  signal: AbortSignal,
): Promise<void> {
  const database = openDatabase({ ...server, applicationName: "holdfast drill", maxConnections: 1 });
  try {
    const session = await database.session(signal);
    for (const name of await find(session, sql`starts_with(datname::text, ${runPrefix(runId)})`))
      await session.query(dropStatement(name));
  } finally {
    await database.close();
  }
}

/** Drops scratch databases whose drill is not there any more. What cannot be dropped is another role's, or somebody drops it now. */
async function sweep(session: Session): Promise<void> {
  const unowned = sql`starts_with(datname::text, ${PREFIX}) AND NOT EXISTS (
    SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.classid = ${LOCKS}::int8::oid
      AND l.objid = (hashtext(datname::text)::int8 & 4294967295)::oid AND l.objsubid = 2)`;
  for (const name of await find(session, unowned)) {
    await session.query(dropStatement(name)).catch((error: unknown) => {
      if (isHoldfastError(error, "DATABASE_UNREACHABLE")) throw error;
    });
  }
}

async function find(session: Session, condition: SQL): Promise<string[]> {
  const rows = await session.rows<{ name: string }>(
    sql`SELECT datname::text AS name FROM pg_database WHERE ${condition}`,
  );
  return rows.map((row) => row.name).filter((name) => /^holdfast_drill_[0-9a-f]{32}_[0-9a-f]+$/.test(name));
}

function dropStatement(name: string): SQL {
  return sql`DROP DATABASE IF EXISTS ${sql.identifier(name)} WITH (FORCE)`;
}

/** The C locale goes with every encoding, and no row depends on one. */
function creation(name: string, encoding: string): SQL {
  return sql`CREATE DATABASE ${sql.identifier(name)} TEMPLATE template0 ENCODING ${literal(encoding)}
    LC_COLLATE 'C' LC_CTYPE 'C'`;
}

function explained(database: string, error: unknown): unknown {
  if (!isHoldfastError(error, "DATABASE_DENIED")) return error;
  return new HoldfastError("DATABASE_DENIED", `A drill needs a scratch database. ${error.message}`, {
    hint: `Let the role of the database ${database} make databases: ALTER ROLE ... CREATEDB. Levels STORED and CONTENTS need none.`,
    cause: error,
  });
}
