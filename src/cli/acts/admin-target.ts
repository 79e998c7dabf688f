// Which database `admin` works on, and which files it keeps in its directory.
import path from "node:path";
import type { Environment } from "../../config/environment.ts";
import type { Catalog, EntityGroup } from "../../core/catalog.ts";
import type { DatabaseChoice } from "../../runtime/own-database.ts";
import { UsageError } from "../failure.ts";
import type { SecretPlace } from "../signatures.ts";
import type { TargetOptions } from "../shared-options.ts";

/** What is said on the command line comes before what the environment says. @throws UsageError for both at once */
export function chooseDatabase(
  { dataDir, databaseUrl }: TargetOptions,
  environment: Environment,
): DatabaseChoice {
  if (dataDir !== undefined && databaseUrl !== undefined)
    throw new UsageError("--data-dir and --database-url are two databases.", "Give one of them.");
  if (dataDir !== undefined) return { dataDir, databaseUrl: undefined };
  return { dataDir: environment.dataDir, databaseUrl: databaseUrl ?? environment.databaseUrl };
}

/** Whose key signs: that of the installation whose database it is. */
export function secretPlace({ dataDir }: TargetOptions, environment: Environment): SecretPlace {
  return { dataDir: dataDir ?? environment.dataDir, secretKey: environment.secretKey };
}

export interface GroupFile {
  readonly group: EntityGroup;
  /** The first is written; each of them is read. */
  readonly paths: readonly [string, ...string[]];
}

/** `auth.db`, `config.db`, `log.db` (read as `logs.db` too), ...: a file for each group of the catalog. */
export function groupFiles(catalog: Catalog, directory: string): GroupFile[] {
  return catalog.groups.map((group) => {
    const name = group.name.toLowerCase();
    const file = path.join(directory, `${name}.db`);
    return { group, paths: name === "logs" ? [path.join(directory, "log.db"), file] : [file] };
  });
}
