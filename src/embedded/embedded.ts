// PostgreSQL for those who have none: the real server, kept in the data directory, for this process alone.
import { mkdir } from "node:fs/promises";
import path from "node:path";
import postgres from "postgres";
import { HoldfastError } from "../core/errors.ts";
import { postgresAccount } from "./account.ts";
import { locateBinaries } from "./binaries.ts";
import { ensureCluster, SUPERUSER } from "./cluster.ts";
import { type DirectoryLock, tryLock } from "./directory-lock.ts";
import { startOnFreePort } from "./free-port.ts";
import { stopOrphan } from "./postmaster.ts";

export interface EmbeddedOptions {
  /** Made where it is missing, for its owner alone. The database lives in `postgres` below it. */
  readonly dataDir: string;
  /** PostgreSQL's own log, line by line, and what is done on its behalf. */
  readonly log?: (line: string) => void;
  /** Further server settings (`postgresql.conf` names), over the defaults. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Called when the server ends though nobody has asked it to; the URL is dead from then on. */
  readonly onLost?: (error: HoldfastError) => void;
}

export interface EmbeddedPostgres {
  /** Of the database `holdfast`, as its superuser, with the password in it: not for logs. */
  readonly url: string;
  readonly port: number;
  /** Ends every session, shuts the server down and lets the directory go; may be called twice. */
  stop(): Promise<void>;
}

const DATABASE = "holdfast";

const SETTINGS: Readonly<Record<string, string>> = {
  max_connections: "100",
  // A restore of thousands of tables is one transaction, which locks each of them with its indexes.
  max_locks_per_transaction: "512",
  fsync: "on",
  synchronous_commit: "on",
  timezone: "UTC",
  log_timezone: "UTC",
  // Nothing replicates from here, and bulk loads into new tables then write no WAL.
  wal_level: "minimal",
  max_wal_senders: "0",
};

/**
 * Starts the server on a free port of the loopback address. The caller stops it; if the process dies first, however
 * it dies, the server shuts itself down.
 * @throws HoldfastError EMBEDDED_IN_USE when another process has the directory; EMBEDDED_FAILED with PostgreSQL's own
 * words when it cannot be made or started.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const log = options.log ?? (() => undefined);
  const dataDir = path.resolve(options.dataDir);
  const directory = path.join(dataDir, "postgres");
  const lock = await lockDataDir(dataDir);
  try {
    const account = await postgresAccount(directory, log);
    const binaries = await locateBinaries(account);
    await stopOrphan(directory, log);
    const password = await ensureCluster(directory, binaries, account);
    const settings = { ...SETTINGS, ...options.settings };
    const program = binaries.postgres;
    const { port, postmaster } = await startOnFreePort({ program, directory, settings, account, log });
    const url = (database: string) => `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${database}`;
    try {
      await ensureDatabase(url("postgres"));
    } catch (error) {
      await postmaster.stop();
      throw error;
    }
    let stopping: Promise<void> | undefined;
    void postmaster.ended.then(() => {
      lock.release();
      if (stopping === undefined)
        options.onLost?.(
          new HoldfastError("EMBEDDED_FAILED", "The embedded PostgreSQL has ended unexpectedly."),
        );
    });
    return { url: url(DATABASE), port, stop: () => (stopping ??= postmaster.stop()) };
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function lockDataDir(dataDir: string): Promise<DirectoryLock> {
  let lock: DirectoryLock | undefined;
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    lock = tryLock(path.join(dataDir, "postgres.lock"));
  } catch (cause) {
    throw new HoldfastError("EMBEDDED_FAILED", `Cannot write to the data directory ${dataDir}.`, {
      hint: "Start Holdfast as the user that the data directory belongs to, or give it another one.",
      cause,
    });
  }
  if (lock === undefined)
    throw new HoldfastError("EMBEDDED_IN_USE", `Another process is using the database in ${dataDir}.`);
  return lock;
}

async function ensureDatabase(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    const found = await sql`select from pg_database where datname = ${DATABASE}`;
    if (found.length === 0) await sql`create database ${sql(DATABASE)}`;
  } finally {
    await sql.end();
  }
}
