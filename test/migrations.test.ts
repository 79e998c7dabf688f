import { createHash } from "node:crypto";
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

/** SHA-256 of each migration as it landed: databases are there that have been through it. A new one adds a line. */
const LANDED: Readonly<Record<string, string>> = {
  "0000_initial.sql": "202da7dfafb44385c22d439b056d0b289883ff0f0563a70929684a54609618bf",
  "0001_updated_at_triggers.sql": "3b399d58005b836ae6a270c915b6790af76fa76bc5eb7b3439892b3dec63fd6e",
  "0002_schedules_and_notifications.sql": "6c845b6cd724371f69ffbd1d9c35211bf721bf9438d783547e11bd07d2d71f28",
  "0003_artifact_readers.sql": "ea09c4b502f5be4d7203d1a22bc35de710a16ec753461cfacd088062291b0e9f",
  "0004_considered_runs.sql": "6c39be4a51167dc59d33dfdfdfbb07afb43f8e691e647f841385b8613b71a8dc",
  "0005_retention_settled.sql": "69da84a2da6b5c6626cc92381e764a2c16aadf69e5e23974a33a29a4f265c6e6",
  "0006_throttles.sql": "d521334739e1d41c64ad9b4b6b7cb13957bacb906ceab62b1582d19e3dfecc22",
  "0007_request_of_a_run.sql": "b775cd058f698d7471faecddbe02006812a79717fab64abbe99a4dc9d935b3dd",
  "0008_artifact_authenticity.sql": "ef30a05975af76de95557a3709665072f064b60b188d15834b4673d553f7481e",
  "0009_shared_pieces.sql": "ed3f97d2e95ea7ca374df0bfb281ede28036bd60f97df100dc498b9e0c0f5ea0",
};

it("migrations are appended, and never changed again", async () => {
  const folder = path.join(ROOT, "migrations");
  const files = (await readdir(folder)).filter((name) => name.endsWith(".sql")).toSorted();
  const found: Record<string, string> = {};
  for (const name of files)
    found[name] = createHash("sha256")
      .update(await readFile(path.join(folder, name)))
      .digest("hex");
  expect(found).toEqual(LANDED);
  // A database applies what is later than the last that it has: the times must go up as the numbers do.
  const { entries }: { entries: { idx: number; when: number; tag: string }[] } = JSON.parse(
    await readFile(path.join(folder, "meta/_journal.json"), "utf8"),
  );
  expect(entries.map(({ tag }) => `${tag}.sql`)).toEqual(files);
  expect(entries.map(({ when }) => when)).toEqual(entries.map(({ when }) => when).toSorted((a, b) => a - b));
});
