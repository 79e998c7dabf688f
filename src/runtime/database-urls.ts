// The databases of the catalog by name: those of the configuration file, and Holdfast's own.
import type { Configuration } from "../config/file/read.ts";
import { OWN_DATABASE } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";

/** @returns what gives a database's URL, which holds a password; it throws CONFIG_INVALID for a name that none has */
export function databaseUrls(
  configuration: Pick<Configuration, "databaseUrls">,
  ownDatabaseUrl: string,
): (name: string) => string {
  return (name) => {
    const url = name === OWN_DATABASE ? ownDatabaseUrl : configuration.databaseUrls.get(name);
    if (url === undefined) throw new HoldfastError("CONFIG_INVALID", `There is no database ${name}.`);
    return url;
  };
}
