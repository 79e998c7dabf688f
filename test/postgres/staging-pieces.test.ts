// Pieces of a restore that other processes load: what the database says of them, whatever has become of those.
import { randomUUID } from "node:crypto";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openDatabase, type Database } from "../../src/postgres/connect.ts";
import { loadPiece, stagingPieces, type StagingPieces } from "../../src/postgres/staging-pieces.ts";
import { createStagingSchema, dropStaging, stagingSchema } from "../../src/postgres/staging-schema.ts";
import { tableIdentifier } from "../../src/postgres/quote.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

const { signal } = new AbortController();
const runId = randomUUID();
const schema = stagingSchema(runId, 1);
const rows = tableIdentifier({ schema: schema.name, name: "t1" });

let made: TestDatabase;
let database: Database;
let pieces: StagingPieces;
const open = (maxConnections: number): Database =>
  openDatabase({ name: "app", url: made.url, applicationName: "holdfast-test", maxConnections });

beforeAll(async () => {
  made = await createDatabase();
  database = open(4);
  await using session = await database.session(signal);
  await createStagingSchema(session, schema);
  await session.query(sql`CREATE UNLOGGED TABLE ${rows} (piece int NOT NULL)`);
  pieces = stagingPieces(open(1), schema, signal);
});
afterAll(async () => {
  await database.close();
  await made.drop();
});

async function countRows(piece: number): Promise<number> {
  await using session = await database.session(signal);
  return (await session.rows(sql`SELECT FROM ${rows} WHERE piece = ${piece}`)).length;
}

/** Loads three rows as the piece; `loaded` is called before the commit. */
async function load(piece: { schema: string; number: number }, loaded?: () => Promise<unknown>) {
  await using session = await database.session(signal);
  return await loadPiece(session, piece, async () => {
    await session.query(sql`INSERT INTO ${rows} SELECT ${piece.number} FROM generate_series(1, 3)`);
    await loaded?.();
    return 3;
  });
}

it("knows of a piece that was loaded, also where nobody has said so, and lets it be loaded no more", async () => {
  const piece = await pieces.issue();
  expect(await load(piece)).toBe(3);
  for (const _ of [1, 2]) expect(await pieces.settle(piece)).toBe(3);
  await expect(load(piece)).rejects.toMatchObject({ code: "SUPERSEDED" });
  expect(await countRows(piece.number)).toBe(3);
});

it("ends who is loading a piece that is settled, and his rows with him", async () => {
  const piece = await pieces.issue();
  await expect(load(piece, () => pieces.settle(piece))).rejects.toMatchObject({
    code: "DATABASE_UNREACHABLE",
  });
  expect(await pieces.settle(piece)).toBeUndefined();
  expect(await countRows(piece.number)).toBe(0);
});

it("lets nobody begin with a piece that was settled, nor two at once with one that was not", async () => {
  const late = await pieces.issue();
  expect(await pieces.settle(late)).toBeUndefined();
  await expect(load(late)).rejects.toMatchObject({ code: "SUPERSEDED" });
  const wanted = await pieces.issue();
  const both = await Promise.allSettled([load(wanted), load(wanted)]);
  expect(both.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  expect(await countRows(wanted.number)).toBe(3);
});

it("keeps nothing of a piece whose rows turn out wrong", async () => {
  const piece = await pieces.issue();
  const wrong = load(piece, () => Promise.reject(new Error("wrong")));
  await expect(wrong).rejects.toThrow("wrong");
  expect(await pieces.settle(piece)).toBeUndefined();
  expect(await countRows(piece.number)).toBe(0);
});

it("gets out of the way, with whoever is loading, when the staging is dropped", async () => {
  const piece = await pieces.issue();
  await expect(load(piece, () => dropStaging(database, runId, signal))).rejects.toMatchObject({
    code: "DATABASE_UNREACHABLE",
  });
  await expect(load(piece)).rejects.toMatchObject({
    ...{ code: "SUPERSEDED", message: expect.stringMatching(/or the database app is another one here/) },
  });
  await expect(pieces.settle(piece)).rejects.toMatchObject({ code: "SUPERSEDED" });
});
