// Rows as large as they come: of a hundred megabytes, and of as many columns as PostgreSQL allows, with names as long as it allows.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { storeSink, storeSource } from "../../src/engine/artifact-io.ts";
import { openArtifact } from "../../src/engine/artifact-reader.ts";
import { readPortable } from "../../src/engine/portable-reader.ts";
import { writePortable } from "../../src/engine/portable-writer.ts";
import { verifyContents } from "../../src/engine/verify.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { openApplication, type Application, type StoredBackup } from "./application-fixture.ts";

const PATIENCE = { timeout: 240_000 };
const { signal } = new AbortController();

const verify = async ({ store, artifactId, manifest }: StoredBackup): Promise<void> => {
  const verified = await verifyContents(storeSource(store, artifactId), {}, signal);
  expect(verified.manifest).toEqual(manifest);
};

/** Bytes of COPY text by table, of the rows that were written as JSON and read again. */
const sizesByWayOfJson = async ({ store, artifactId }: StoredBackup): Promise<number[]> => {
  const artifact = await openArtifact(storeSource(store, artifactId));
  const document = async function* () {
    for await (const text of writePortable(artifact, signal)) {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
    }
  };
  const { tables } = await readPortable(document(), storeSink(memoryStore(), "read"), signal);
  return tables.map(({ rawBytes }) => rawBytes);
};

describe("rows of a hundred megabytes", PATIENCE, () => {
  let app: Application;
  let before: unknown;
  const hashes = () => app.sql`select id, md5(words) as words, md5(bytes) as bytes from large order by id`;
  beforeAll(async () => {
    // As COPY text the bytes take twice their number.
    app = await openApplication(
      `create table large (id integer primary key, words text, bytes bytea);
       insert into large values
         (1, repeat(E'a thousand characters, \\\\ \\t and \\n among them, ä and € too:' || repeat('x', 940), 20000), null),
         (2, null, decode(repeat(md5('2'), 100000000 / 16), 'hex')),
         (3, 'small', 'small');`,
      { LARGE: ["public.large"] },
    );
    before = await hashes();
  }, PATIENCE.timeout);
  afterAll(() => app[Symbol.asyncDispose]());

  it("are backed up, verified, previewed, merged and replaced, and never held whole", async () => {
    const startKilobytes = process.resourceUsage().maxRSS;
    const stored = await app.backUp();
    expect(stored.manifest.tables[0]?.rawBytes).toBeGreaterThan(220_000_000);
    await verify(stored);
    await app.sql`update large set words = 'changed', bytes = 'changed'`;
    const { plan, changes } = await app.restore(stored, { dryRun: true });
    expect(changes).toMatchObject([{ inserted: 0, updated: 3 }]);
    await app.restore(stored, { expectPlan: plan });
    expect(await hashes()).toEqual(before);
    await app.sql`delete from large where id < 3`;
    await app.sql`insert into large values (4, 'new', 'new')`;
    await app.restore(stored, { mode: "REPLACE" });
    expect(await hashes()).toEqual(before);
    // Half of what the larger row takes as COPY text; some 35 MB were seen.
    expect(process.resourceUsage().maxRSS - startKilobytes).toBeLessThan(100_000);
  });
});

describe("tables of 1,600 columns, 6,400 together", PATIENCE, () => {
  const TABLES = ["wide_0", "wide_1", "wide_2", "wide_3"];
  const ROWS = 20;
  let app: Application;
  let before: Record<string, string>;
  beforeAll(async () => {
    // A row of all of them has to fit into a page of 8 KiB.
    const types = ["smallint", "boolean", '"char"', "smallint"];
    const values = ["(n + %) % 30000", "(n + %) % 2 = 0", "'a'", "nullif((n + %) % 5, 0)"];
    const columns = Array.from({ length: 1_599 }, (_, place) => ({
      name: `c${place}_`.padEnd(63, "x"),
      type: types[place % types.length] ?? "",
      value: values[place % values.length]?.replace("%", String(place)) ?? "",
    }));
    const tables = TABLES.map(
      (table) => `
        create table ${table} (id integer primary key, ${columns.map(({ name, type }) => `${name} ${type}`).join()});
        insert into ${table} select n, ${columns.map(({ value }) => value).join()} from generate_series(1, ${ROWS}) n;`,
    );
    app = await openApplication(tables.join(""), { WIDE: TABLES.map((table) => `public.${table}`) });
    before = await app.hashes();
  }, PATIENCE.timeout);
  afterAll(() => app[Symbol.asyncDispose]());

  it("are backed up, verified, previewed, merged, replaced, and written as JSON", async () => {
    const last = app.sql(`c1598_`.padEnd(63, "x"));
    const stored = await app.backUp();
    await verify(stored);
    for (const table of TABLES) await app.sql`update ${app.sql(table)} set ${last} = 'b' where id = 7`;
    const { plan, changes } = await app.restore(stored, { dryRun: true });
    expect(changes.map(({ updated, unchanged }) => [updated, unchanged])).toEqual(
      TABLES.map(() => [1, ROWS - 1]),
    );
    await app.restore(stored, { expectPlan: plan });
    expect(await app.hashes()).toEqual(before);
    for (const table of TABLES) await app.sql`delete from ${app.sql(table)} where id > 3`;
    await app.sql`truncate wide_2`;
    await app.restore(stored, { mode: "REPLACE" });
    expect(await app.hashes()).toEqual(before);
    expect(await sizesByWayOfJson(stored)).toEqual(stored.manifest.tables.map(({ rawBytes }) => rawBytes));
  });
});
