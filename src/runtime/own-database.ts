// Holdfast's own database, for a command that works on it directly: the one that is named, or else the embedded one,
// which then runs for as long as the command does.
import { stat } from "node:fs/promises";
import path from "node:path";
import { HoldfastError } from "../core/errors.ts";
import { startEmbedded } from "../embedded/embedded.ts";
import { migrateOwnDatabase } from "./migrate.ts";

export interface DatabaseChoice {
  /** undefined: the embedded database in the data directory. */
  readonly databaseUrl: string | undefined;
  /** Relative to the working directory if it is. */
  readonly dataDir: string;
}

export interface OwnDatabase extends AsyncDisposable {
  /** Holds a password: not for logs. */
  readonly url: string;
}

/**
 * Opens the database as it is: what is not there is an error, and nothing is written to any table.
 * @throws HoldfastError NOT_FOUND without an embedded database, EMBEDDED_IN_USE while a server has it, EMBEDDED_FAILED
 */
export async function openExistingDatabase(choice: DatabaseChoice): Promise<OwnDatabase> {
  if (choice.databaseUrl === undefined) await requireEmbedded(choice.dataDir);
  return open(choice);
}

/**
 * Opens the database with its tables made or brought up to date; an embedded one is made where there is none.
 * @throws HoldfastError EMBEDDED_IN_USE, EMBEDDED_FAILED, DATABASE_UNREACHABLE; then nothing runs
 */
export async function openMigratedDatabase(choice: DatabaseChoice): Promise<OwnDatabase> {
  const database = await open(choice);
  try {
    await migrateOwnDatabase(database.url);
    return database;
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
}

async function open({ databaseUrl, dataDir }: DatabaseChoice): Promise<OwnDatabase> {
  if (databaseUrl !== undefined) return { url: databaseUrl, [Symbol.asyncDispose]: async () => undefined };
  const server = await startEmbedded({ dataDir });
  return { url: server.url, [Symbol.asyncDispose]: () => server.stop() };
}

/** A backup of a database that was made just now, because the directory was the wrong one, would look like a success. */
async function requireEmbedded(dataDir: string): Promise<void> {
  const found = await stat(path.join(dataDir, "postgres", "PG_VERSION")).catch(() => undefined);
  if (found !== undefined) return;
  throw new HoldfastError("NOT_FOUND", `There is no database in ${dataDir}.`, {
    hint: "Name its directory with HOLDFAST_DATA_DIR, or its URL with HOLDFAST_DATABASE_URL.",
  });
}
