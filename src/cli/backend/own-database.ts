// Holdfast's own database as a direct command has it: opened when something of it is first needed, for what a
// configuration file names is in others, and can be backed up though nothing but the file is there.
import type { Configuration } from "../../config/file/read.ts";
import { OWN_DATABASE, type Entity } from "../../core/catalog.ts";
import { isHoldfastError } from "../../core/errors.ts";
import { databaseUrls } from "../../runtime/database-urls.ts";
import {
  openExistingDatabase,
  openMigratedDatabase,
  type DatabaseChoice,
  type OwnDatabase,
} from "../../runtime/own-database.ts";

export interface DirectDatabases extends AsyncDisposable {
  /**
   * Makes sure that the entities' databases can be asked for.
   * @throws HoldfastError EMBEDDED_IN_USE, EMBEDDED_FAILED, NOT_FOUND, DATABASE_UNREACHABLE
   */
  openFor(entities: Iterable<Pick<Entity, "database">>): Promise<void>;
  /** The URL of a database that was opened, or is not Holdfast's own. @throws HoldfastError CONFIG_INVALID for an unknown name */
  url(name: string): string;
  /** The URL of Holdfast's own database; undefined where there is none yet. @throws HoldfastError as `openFor` */
  ownUrlIfThere(): Promise<string | undefined>;
}

/** @param act for a backup the database is opened as it is; for a restore it is made, or its tables brought up to date */
export function createDirectDatabases(
  choice: DatabaseChoice,
  configuration: Configuration,
  act: "backup" | "restore",
): DirectDatabases {
  let own: OwnDatabase | undefined;

  const openOwn = async (): Promise<OwnDatabase> => {
    if (act === "restore") return openMigratedDatabase(choice);
    try {
      return await openExistingDatabase(choice);
    } catch (error) {
      // Where a file says what is protected, an empty database of Holdfast's own is no sign of a wrong directory.
      if (configuration.places.size === 0 || !isHoldfastError(error, "NOT_FOUND")) throw error;
      return openMigratedDatabase(choice);
    }
  };

  return {
    async openFor(entities) {
      if (own !== undefined) return;
      for (const { database } of entities) {
        if (database !== OWN_DATABASE) continue;
        own = await openOwn();
        return;
      }
    },
    url(name) {
      if (name !== OWN_DATABASE) return databaseUrls(configuration, "")(name);
      if (own === undefined) throw new Error("Holdfast's own database was not opened");
      return own.url;
    },
    async ownUrlIfThere() {
      try {
        own ??= await openExistingDatabase(choice);
        return own.url;
      } catch (error) {
        if (isHoldfastError(error, "NOT_FOUND")) return undefined;
        throw error;
      }
    },
    [Symbol.asyncDispose]: async () => own?.[Symbol.asyncDispose](),
  };
}
