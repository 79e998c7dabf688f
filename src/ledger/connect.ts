// Opens Holdfast's own database, and brings its tables up to date.
import path from "node:path";
import { drizzle, type PostgresJsDatabase } from "drizzle-orm/postgres-js";
import { migrate } from "drizzle-orm/postgres-js/migrator";
import postgres from "postgres";
import { OWN_DATABASE } from "../core/catalog.ts";
import { readConnectionUrl } from "../dial/connection-url.ts";
import { ARRAY_TYPES } from "./array-types.ts";
import { endIdleTransactions } from "./idle-transactions.ts";
import { outliveLostConnections } from "./lost-connections.ts";
import { prepareStatements } from "./prepared-statements.ts";
import { steadySockets } from "./steady-socket.ts";
import { installation } from "./tables.ts";

export interface Ledger {
  readonly db: PostgresJsDatabase;
  /** The pool beneath `db`; its `listen` has a connection of its own. */
  readonly sql: postgres.Sql;
  /** Waits up to five seconds for what is being asked, then ends every connection. */
  close(): Promise<void>;
}

export interface LedgerOptions {
  /** Shown in pg_stat_activity. */
  readonly applicationName?: string;
  /** Besides the one that listens. */
  readonly maxConnections?: number;
  /** After how long a transaction ends in which nothing is asked; left out: ten seconds. */
  readonly idleTransactionMs?: number;
}

const IDLE_TRANSACTION_MS = 10_000;

/** Opens a bounded pool on Holdfast's own database. Connections are made when they are first needed. */
export function openLedger(url: string, options: LedgerOptions = {}): Ledger {
  const client = connect(url, {
    max: options.maxConnections ?? 6,
    connect_timeout: 10,
    connection: { application_name: options.applicationName ?? "holdfast" },
    // After an outage the first listener is back within two seconds, not after the driver's twenty.
    backoff: (retries: number) => Math.min(2, 0.05 * 2 ** retries),
    onnotice: () => undefined,
    fetch_types: false,
    types: ARRAY_TYPES,
  });
  const sql = prepareStatements(
    endIdleTransactions(outliveLostConnections(client), options.idleTransactionMs ?? IDLE_TRANSACTION_MS),
  );
  return { db: drizzle(sql), sql, close: () => sql.end({ timeout: 5 }) };
}

/** @throws HoldfastError CONFIG_INVALID for a URL that is not one */
function connect(
  url: string,
  options: postgres.Options<Record<string, postgres.PostgresType>>,
): postgres.Sql {
  const target = readConnectionUrl(OWN_DATABASE, url);
  const connection = { ...options.connection, ...target.settings };
  return postgres({ ...options, ...target.account, connection, ...steadySockets(target) });
}

const MIGRATIONS = path.join(import.meta.dirname, "../../migrations");

/** Any number will do that no other program uses on this database; this one spells "hold". */
const MIGRATION_LOCK = 0x686f6c64;

/**
 * Applies the migrations that the database lacks. Processes that start at once wait for one another: the first one
 * migrates, the others find nothing left to do.
 * @param folder where `drizzle-kit generate` wrote them
 */
export async function migrateLedger(url: string, folder: string = MIGRATIONS): Promise<void> {
  // One connection: the lock belongs to a session, and everything the migrator does has to be in that session.
  const sql = connect(url, { max: 1, max_lifetime: null, connect_timeout: 10, onnotice: () => undefined });
  try {
    await sql`select pg_advisory_lock(${MIGRATION_LOCK})`;
    await migrate(drizzle(sql), { migrationsFolder: folder });
  } finally {
    // Ending the session releases the lock, also after a failure.
    await sql.end({ timeout: 5 });
  }
}

/** This Holdfast's own id: the same for every process on the same database, and another for every other database. */
export async function identifyInstallation(ledger: Ledger): Promise<string> {
  await ledger.db.insert(installation).values({}).onConflictDoNothing();
  const [row] = await ledger.db.select({ id: installation.id }).from(installation);
  if (row === undefined) throw new Error("the installation's row was deleted");
  return row.id;
}
