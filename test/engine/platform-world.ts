// A platform database with made-up rows, a store beside it, and the acts on them as tests call them.
import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { OWN_DATABASE, selectEntities, tableLabel, type Selection } from "../../src/core/catalog.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";
import type { Progress } from "../../src/core/run.ts";
import { storeSink, storeSource } from "../../src/engine/artifact-io.ts";
import type { ArtifactEncryption } from "../../src/engine/artifact-writer.ts";
import { backup } from "../../src/engine/backup.ts";
import { forgetRestore, restore, type RestoreOrder } from "../../src/engine/restore.ts";
import { seedPlatform, SMALL_SIZES } from "../../src/platform/seed.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { createDatabase } from "../support/postgres.ts";

export const EVERYTHING: Selection = { include: ["AUDIT_LOGS", "CONFIG_VALUES"] };
const TABLES = [...platformCatalog.entities.values()].flatMap((entity) => entity.tables.map(tableLabel));

/** Opens a world; its caller disposes of it. */
export async function openWorld() {
  const database = await createDatabase({ migrated: true });
  const sql = postgres(database.url, { max: 2, onnotice: () => undefined });
  await seedPlatform(sql, SMALL_SIZES);
  const store = memoryStore();
  const control = (report: Progress[] = [], signal = new AbortController().signal) => ({
    signal,
    onProgress: (progress: Progress) => void report.push(progress),
  });
  const databaseUrl = () => database.url;
  return {
    sql,
    store,
    database,
    async backUp(
      selection: Selection = {},
      encryption: ArtifactEncryption = { kind: "NONE" },
      options: { report?: Progress[]; signal?: AbortSignal } = {},
    ) {
      const artifactId = randomUUID();
      const result = await backup(
        { databaseUrl, sink: storeSink(store, artifactId) },
        {
          artifactId,
          createdAt: new Date(),
          entities: selectEntities(platformCatalog, selection),
          encryption,
        },
        control(options.report, options.signal),
      );
      return { artifactId, ...result };
    },
    async restore(
      artifactId: string,
      order: Partial<RestoreOrder> = {},
      options: { report?: Progress[]; signal?: AbortSignal } = {},
    ) {
      const source = storeSource(store, artifactId);
      return restore(
        { databaseUrl, catalog: platformCatalog, source },
        { runId: randomUUID(), attempt: 1, mode: "MERGE", dryRun: false, ...order },
        control(options.report, options.signal),
      );
    },
    /** As a worker does once a run's success is written down. */
    forget: (runId: string) =>
      forgetRestore({ databaseUrl }, { runId, database: OWN_DATABASE }, new AbortController().signal),
    /** A hash of every table's rows whatever their order, by `schema.name`. */
    async fingerprints(): Promise<Record<string, string>> {
      const found: [string, string][] = [];
      for (const table of TABLES) {
        const [row] = await sql.unsafe<{ hash: string }[]>(
          `SELECT count(*) || ':' || coalesce(sum(hashtextextended(t::text, 0))::text, '') AS hash FROM ${table} t`,
        );
        found.push([table, row?.hash ?? ""]);
      }
      return Object.fromEntries(found);
    },
    /** Schemas of restores that are still there. */
    async leftovers(): Promise<string[]> {
      const rows = await sql<{ name: string }[]>`
        SELECT nspname AS name FROM pg_namespace WHERE nspname LIKE 'holdfast_restore%'`;
      return rows.map((row) => row.name);
    },
    async [Symbol.asyncDispose]() {
      await sql.end();
      await database.drop();
    },
  };
}

export type World = Awaited<ReturnType<typeof openWorld>>;
