import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { buildCatalog } from "../../src/core/catalog.ts";
import type { Manifest } from "../../src/core/artifact.ts";
import type { Progress } from "../../src/core/run.ts";
import { storeSink } from "../../src/engine/artifact-io.ts";
import type { ArtifactEncryption } from "../../src/engine/artifact-writer.ts";
import { backup } from "../../src/engine/backup.ts";
import { drill } from "../../src/engine/drill.ts";
import { verifyContents } from "../../src/engine/verify.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { collect, errorOf } from "../codec/fixtures.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";
import { changed, jsonOf, reindexed, sourceOf, type Objects } from "./artifact-fixture.ts";

const table = (schema: string, name: string) => ({ schema, name });
const CATALOG = buildCatalog({
  SHOP: {
    PEOPLE: {
      label: "",
      read: "R",
      write: "W",
      tables: [table("shop", "people"), table("shop", "My Orders")],
    },
    EVENTS: {
      label: "",
      read: "R",
      write: "W",
      tables: [table("logs", "events"), table("public", "nothing")],
    },
  },
});

const SCHEMA = `
  CREATE SCHEMA shop; CREATE SCHEMA logs; CREATE SCHEMA kinds;
  CREATE TYPE kinds.mood AS ENUM ('sad', 'it''s ok', 'happy');
  CREATE FUNCTION kinds.positive(int) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT $1 > 0';
  CREATE DOMAIN kinds.score AS numeric(10,2) CHECK (kinds.positive(VALUE::int));
  CREATE TYPE kinds."Full Name" AS (first text, last varchar(20), moods kinds.mood[]);
  CREATE TYPE kinds.spell AS RANGE (SUBTYPE = kinds.score);
  CREATE TABLE shop.people (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name kinds."Full Name", mood kinds.mood,
    score kinds.score, spells kinds.spell[], shout text GENERATED ALWAYS AS ('x') STORED, what regclass,
    boss int REFERENCES shop.people, at timestamptz(3) NOT NULL DEFAULT now(), span interval day to second(2), bits bit varying(5));
  CREATE TABLE shop."My Orders" ("Order No" text COLLATE "C", person int REFERENCES shop.people, note text,
    PRIMARY KEY ("Order No", person));
  CREATE TABLE logs.events (id bigint, day date, body jsonb, raw bytea) PARTITION BY RANGE (day);
  CREATE TABLE logs.events_1 PARTITION OF logs.events FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
  CREATE TABLE logs.events_2 PARTITION OF logs.events DEFAULT;
  CREATE TABLE public.nothing (id int);
  INSERT INTO shop.people (name, mood, score, spells, what, span, bits)
    SELECT ROW('a' || i, E'tab\\tnl\\nback\\\\slash', ARRAY['sad'::kinds.mood])::kinds."Full Name", 'it''s ok', i, ARRAY['[1,5)'::kinds.spell],
      'shop.people', '1 day 02:03:04.56', B'101' FROM generate_series(1, 50) i;
  UPDATE shop.people SET boss = 1 WHERE id > 1;
  INSERT INTO shop."My Orders" SELECT 'No ' || i, 1 + i % 50, repeat('ä', i % 40) FROM generate_series(1, 400) i;
  INSERT INTO logs.events SELECT i % 7, '2026-06-28'::date + i % 9, jsonb_build_object('n', i % 3), '\\x0aff' FROM generate_series(1, 700) i;`;

let database: TestDatabase;
let sql: postgres.Sql;
beforeAll(async () => {
  database = await createDatabase();
  sql = postgres(database.url, { max: 1, onnotice: () => undefined });
  await sql.unsafe(SCHEMA);
});
afterAll(async () => {
  await sql.end();
  await database.drop();
});

async function backUp(encryption: ArtifactEncryption = { kind: "NONE" }) {
  const store = memoryStore();
  const artifactId = randomUUID();
  const { manifest } = await backup(
    { databaseUrl: () => database.url, sink: storeSink(store, "x") },
    { artifactId, createdAt: new Date(), entities: [...CATALOG.entities.values()], encryption },
    { signal: new AbortController().signal, onProgress: () => undefined },
  );
  const objects = new Map<string, Buffer>();
  for await (const { key } of store.list("x/")) objects.set(key.slice(2), await collect(store.get(key)));
  return { manifest, objects };
}

interface DrillTrial {
  readonly runId?: string;
  readonly url?: string;
  readonly passphrase?: string;
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

async function drilled(objects: Objects, trial: DrillTrial = {}) {
  const { runId = randomUUID(), url = database.url, passphrase, onProgress = () => undefined } = trial;
  const { signal = new AbortController().signal } = trial;
  return drill(
    { source: await sourceOf(objects), serverUrl: () => url },
    { runId, unlock: { passphrase } },
    { signal, onProgress },
  );
}

/** With the manifest changed, as a backup that went wrong would have written it. */
function withManifest(objects: Objects, change: (manifest: Manifest) => object): Objects {
  const manifest = jsonOf(objects, "manifest.json") as unknown as Manifest;
  return reindexed(changed(objects, {}), { "manifest.json": JSON.stringify(change(manifest)) });
}

const scratches = async () =>
  (
    await sql<
      { name: string }[]
    >`select datname as name from pg_database where datname like 'holdfast_drill_%'`
  )
    .map(({ name }) => name)
    .filter((name) => mine.some((runId) => name.includes(runId.replaceAll("-", ""))));
/** Other tests may drill on the same server. */
const mine: string[] = [];
const newRun = () => {
  const runId = randomUUID();
  mine.push(runId);
  return runId;
};

describe("a drill", () => {
  it("restores every row and finds the hashes that the backup recorded, whatever the types", async () => {
    const { manifest, objects } = await backUp({ kind: "PASSPHRASE", passphrase: "horse" });
    const progress: Progress[] = [];
    const runId = newRun();
    const { tables } = await drilled(objects, {
      runId,
      passphrase: "horse",
      onProgress: (one) => void progress.push(one),
    });
    expect(tables).toEqual(
      [
        ["PEOPLE", "shop.people", 50],
        ["PEOPLE", "shop.My Orders", 400],
        ["EVENTS", "logs.events", 700],
        ["EVENTS", "public.nothing", 0],
      ].map(([entity, table, rows]) => ({ entity, table, rows, foundRows: rows, fault: null })),
    );
    expect(manifest.tables.map(({ rowsHash }) => rowsHash?.algorithm)).toEqual(Array(4).fill("xxh64-sum"));
    expect(progress.at(-1)).toMatchObject({ phase: "done", percent: 100 });
    expect(await scratches()).toEqual([]);
  });

  it("finds rows that are not those that were backed up, and names their tables", async () => {
    const { objects } = await backUp();
    const other = { algorithm: "xxh64-sum", value: "0123456789abcdef" };
    const wrong = withManifest(objects, (manifest) => ({
      ...manifest,
      tables: manifest.tables.map((table) =>
        table.name === "events" ? { ...table, rowsHash: other } : table,
      ),
    }));
    const runId = newRun();
    const failure = await drilled(wrong, { runId }).catch((error: unknown) => error);
    expect(failure).toEqual(errorOf("DRILL_FAILED"));
    expect(failure).toMatchObject({
      message:
        "1 of 4 tables are not what was backed up. logs.events: its rows are not those that were backed up.",
      details: { tables: [{ fault: null }, { fault: null }, { foundRows: 700 }, { fault: null }] },
    });
    expect(await scratches()).toEqual([]);
    await expect(verifyContents(await sourceOf(wrong), {}, new AbortController().signal)).rejects.toEqual(
      errorOf("ARTIFACT_CORRUPT"),
    );
  });

  it("says which types it cannot make, of a backup by a version that did not describe them", async () => {
    const { objects } = await backUp();
    const old = withManifest(objects, (manifest) => ({
      ...manifest,
      types: undefined,
      extensions: undefined,
    }));
    await expect(drilled(old)).rejects.toMatchObject({
      code: "DRILL_UNSUPPORTED",
      message: expect.stringContaining("kinds.mood"),
    });
  });

  it("holds a backup of a version that recorded no hashes against the rows in it", async () => {
    const { objects } = await backUp();
    const old = withManifest(objects, (manifest) => ({
      ...manifest,
      tables: manifest.tables.map((table) => ({ ...table, rowsHash: undefined })),
    }));
    expect((await drilled(old)).tables.map(({ fault }) => fault)).toEqual([null, null, null, null]);
  });

  it("finds keys that are not unique, rows that refer to nothing, and nulls where none may be", async () => {
    const { objects } = await backUp();
    const strict = withManifest(objects, (manifest) => ({
      ...manifest,
      tables: manifest.tables.map((table) => ({
        ...table,
        ...(table.name === "events" && { key: ["id"] }),
        ...(table.name === "My Orders" && {
          foreignKeys: [
            {
              ...{ name: "fk", columns: ["person"], references: { schema: "shop", name: "people" } },
              referencedColumns: ["boss"],
            },
          ],
        }),
        columns: table.columns.map((column) =>
          column.name === "boss" ? { ...column, nullable: false } : column,
        ),
      })),
    }));
    await expect(drilled(strict)).rejects.toMatchObject({
      code: "DRILL_FAILED",
      details: {
        tables: [
          { table: "shop.people", foundRows: 0, fault: expect.stringContaining("do not load") },
          {
            table: "shop.My Orders",
            fault: expect.stringMatching(/^400 of its rows refer by fk \(to shop.people\) to/),
          },
          { table: "logs.events", fault: expect.stringContaining("not unique") },
          { fault: null },
        ],
      },
    });
  });

  it("asks nothing of foreign keys that the database itself does not enforce", async () => {
    await sql.unsafe(`ALTER TABLE shop."My Orders" DROP CONSTRAINT "My Orders_person_fkey";
      INSERT INTO shop."My Orders" VALUES ('lost', 4711);
      ALTER TABLE shop."My Orders" ADD CONSTRAINT "My Orders_person_fkey" FOREIGN KEY (person) REFERENCES shop.people NOT VALID`);
    try {
      const { objects } = await backUp();
      expect((await drilled(objects)).tables[1]).toMatchObject({ rows: 401, fault: null });
    } finally {
      await sql.unsafe(`DELETE FROM shop."My Orders" WHERE person = 4711;
        ALTER TABLE shop."My Orders" VALIDATE CONSTRAINT "My Orders_person_fkey"`);
    }
  });

  it("says which extension the server lacks", async () => {
    const { objects } = await backUp();
    const extended = withManifest(objects, (manifest) => ({
      ...manifest,
      extensions: [{ database: "holdfast", name: "nowhere", schema: "public", version: "1" }],
    }));
    await expect(drilled(extended)).rejects.toMatchObject({
      code: "EXTENSION_MISSING",
      message: expect.stringContaining("nowhere"),
    });
  });

  it("runs no statement that somebody has written into a type's name", async () => {
    const { objects } = await backUp();
    const evil = withManifest(objects, (manifest) => ({
      ...manifest,
      types: [
        {
          database: "holdfast",
          schema: "kinds",
          name: "mood",
          kind: "DOMAIN",
          base: "text); DROP TABLE shop.people; --",
        },
      ],
    }));
    await expect(drilled(evil)).rejects.toEqual(errorOf("ARTIFACT_CORRUPT"));
  });

  it("tells a role that may not make databases what it lacks", async () => {
    const role = `drill_${randomUUID().slice(0, 8)}`;
    await sql.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
    try {
      const url = new URL(database.url);
      [url.username, url.password] = [role, "x"];
      const { objects } = await backUp();
      await expect(drilled(objects, { url: url.href })).rejects.toMatchObject({
        code: "DATABASE_DENIED",
        hint: expect.stringContaining("CREATEDB"),
      });
    } finally {
      await sql.unsafe(`DROP ROLE ${role}`);
    }
  });

  it("drops what a drill left behind whose process died, and nothing that is somebody's", async () => {
    const [dead, alive] = [newRun(), newRun()].map(
      (runId) => `holdfast_drill_${runId.replaceAll("-", "")}_0`,
    );
    const owner = postgres(inject("postgresUrl"), { max: 1, onnotice: () => undefined });
    try {
      await owner`select pg_advisory_lock(${0x686f6c64}::int, hashtext(${alive ?? ""}))`;
      for (const name of [dead, alive]) await owner.unsafe(`CREATE DATABASE ${name} TEMPLATE template0`);
      const { objects } = await backUp();
      await drilled(objects);
      expect(await scratches()).toEqual([alive]);
    } finally {
      await owner.end();
    }
    const { objects } = await backUp();
    await drilled(objects);
    await expect.poll(scratches).toEqual([]);
  });

  it("leaves nothing behind when it is cancelled", async () => {
    const { objects } = await backUp();
    const stop = new AbortController();
    const runId = newRun();
    const onProgress = ({ phase }: Progress) => {
      if (phase === "restoring") stop.abort(new Error("enough"));
    };
    await expect(drilled(objects, { runId, onProgress, signal: stop.signal })).rejects.toThrow("enough");
    expect(await scratches()).toEqual([]);
  });
});
