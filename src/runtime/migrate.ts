// Holdfast's own tables, made or brought up to date, with what goes wrong said in the catalogue's words.
import { DrizzleQueryError } from "drizzle-orm";
import { OWN_DATABASE } from "../core/catalog.ts";
import { migrateLedger } from "../ledger/connect.ts";
import { databaseError } from "../postgres/errors.ts";

/** @throws HoldfastError DATABASE_UNREACHABLE, DATABASE_DENIED, ... */
export async function migrateOwnDatabase(url: string): Promise<void> {
  try {
    await migrateLedger(url);
  } catch (error) {
    throw databaseError(OWN_DATABASE, error instanceof DrizzleQueryError ? error.cause : error);
  }
}
