import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { generateDrizzleJson, generateMigration } from "drizzle-kit/api";
import { expect, it } from "vitest";
import drizzleConfig from "../drizzle.config.ts";

type Snapshot = Parameters<typeof generateMigration>[0];

const ROOT = path.join(import.meta.dirname, "..");

/** What drizzle-kit recorded beside the last migration. */
async function readLastSnapshot(): Promise<Snapshot> {
  const meta = path.join(ROOT, "migrations/meta");
  const last = (await readdir(meta))
    .filter((name) => name.endsWith("_snapshot.json"))
    .toSorted()
    .at(-1);
  return JSON.parse(await readFile(path.join(meta, last ?? ""), "utf8"));
}

it("migrations/ is what the tables generate: nothing is left to migrate", async () => {
  const { schema, schemaFilter } = drizzleConfig;
  const modules = await Promise.all([schema ?? []].flat().map((file) => import(path.join(ROOT, file))));
  const tables: Record<string, unknown> = Object.assign({}, ...modules);
  const before = await readLastSnapshot();
  const now = generateDrizzleJson(tables, before.id, [schemaFilter ?? []].flat());
  expect(await generateMigration(before, now)).toEqual([]);
});
