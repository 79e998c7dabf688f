// Holdfast as people run it, server and worker in one process, on the bench's PostgreSQL: for loads from outside.
import path from "node:path";
import { readEnvironment } from "../src/config/environment.ts";
import { buildCatalog, type Catalog } from "../src/core/catalog.ts";
import { SYSTEM_GROUPS } from "../src/core/system-catalog.ts";
import { startStack } from "../src/runtime/stack.ts";
import { benchCatalog } from "./tables.ts";

export interface ServerOrder {
  /** Of the database that is backed up. */
  readonly benchUrl: string;
  /** Of Holdfast's own. */
  readonly ownUrl: string;
  /** Keys and the store. */
  readonly directory: string;
  readonly adminPassword: string;
}

/** The bench's entities beside Holdfast's own, as a configuration file would have them. */
function wholeCatalog(): Catalog {
  const own = buildCatalog(SYSTEM_GROUPS);
  return {
    groups: [...benchCatalog.groups, ...own.groups],
    entities: new Map([...benchCatalog.entities, ...own.entities]),
    permissions: [...new Set([...benchCatalog.permissions, ...own.permissions])],
  };
}

process.on("message", ({ benchUrl, ownUrl, directory, adminPassword }: ServerOrder) => {
  void (async () => {
    const redisUrl = process.env["REDIS_URL"];
    const environment = readEnvironment({
      HOLDFAST_DATABASE_URL: ownUrl,
      HOLDFAST_DATA_DIR: directory,
      HOLDFAST_ADMIN_PASSWORD: adminPassword,
      PORT: "0",
      ...(redisUrl !== undefined && { REDIS_URL: redisUrl }),
    });
    const stack = await startStack(environment, {
      configuration: {
        file: undefined,
        catalog: wholeCatalog(),
        databaseUrls: new Map([["bench", benchUrl]]),
        stores: new Map([["local", { kind: "fs", directory: path.join(directory, "store") }]]),
        defaultStores: ["local"],
        notify: [],
        drillIdentityFile: undefined,
        places: new Map(),
      },
    });
    process.once("disconnect", () => void stack.close());
    process.send?.(stack.url);
  })();
});
