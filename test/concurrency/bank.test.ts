// A bank that never stands still: money is transferred, and accounts are opened, while backups run over several connections
// and small pieces. Whatever moment a backup has caught, its books balance.
import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildCatalog } from "../../src/core/catalog.ts";
import { storeSource, type ArtifactSink } from "../../src/engine/artifact-io.ts";
import { sinkInto } from "../../src/engine/artifact-stores.ts";
import { backup } from "../../src/engine/backup.ts";
import type { Peers } from "../../src/engine/peers.ts";
import { restore } from "../../src/engine/restore.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

const ACCOUNTS = 900;
const OPENING = 1_000;
const WRITERS = 3;

const DDL = `
  create schema bank;
  create table bank.accounts (id int primary key, opening bigint not null, balance bigint not null, note text not null)
    partition by hash (id);
  create table bank.accounts_0 partition of bank.accounts for values with (modulus 3, remainder 0);
  create table bank.accounts_1 partition of bank.accounts for values with (modulus 3, remainder 1);
  create table bank.accounts_2 partition of bank.accounts for values with (modulus 3, remainder 2);
  create table bank.postings (
    id bigint generated always as identity primary key,
    transfer uuid not null,
    account int not null references bank.accounts,
    amount bigint not null);`;

const entity = (name: string) => ({
  label: name,
  tables: [{ schema: "bank", name }],
  read: "READ",
  write: "WRITE",
  database: "bank",
});
const catalog = buildCatalog({ BANK: { ACCOUNTS: entity("accounts"), POSTINGS: entity("postings") } });

/** Nobody else copies; large tables are taken apart all the same, into pieces of a few pages. */
const alone: Peers = {
  fromBytes: Infinity,
  pieceBytes: 64 * 1024,
  room: () => Promise.resolve(0),
  offer: () => Promise.reject(new Error("there is nobody to offer it to")),
  entrust: () => Promise.resolve(),
};

let live: TestDatabase;
let copy: TestDatabase;
let sql: postgres.Sql;
let copied: postgres.Sql;
const closing = new AbortController();
let transfers = 0;
let writers: Promise<void>[] = [];

beforeAll(async () => {
  [live, copy] = [await createDatabase(), await createDatabase()];
  sql = postgres(live.url, { max: WRITERS, onnotice: () => undefined });
  copied = postgres(copy.url, { max: 1, onnotice: () => undefined });
  for (const side of [sql, copied]) await side.unsafe(DDL);
  await sql`insert into bank.accounts select n, ${OPENING}, ${OPENING}, repeat('x', 200) from generate_series(1, ${ACCOUNTS}) n`;
  writers = Array.from({ length: WRITERS }, (_, seed) => keepTransferring(seed));
});
afterAll(async () => {
  closing.abort();
  await Promise.all(writers);
  await sql.end();
  await copied.end();
  await live.drop();
  await copy.drop();
});

/** Rows move to other pages as their notes change; one transfer in twenty goes to an account that was not there before. */
async function keepTransferring(seed: number): Promise<void> {
  for (let round = 0; !closing.signal.aborted; round += 1) {
    const from = ((seed * 7_919 + round * 31) % ACCOUNTS) + 1;
    const isNew = round % 20 === 0;
    const to = isNew ? ACCOUNTS + 1 + round * WRITERS + seed : ((from * 17 + seed) % ACCOUNTS) + 1;
    if (from === to) continue;
    const id = randomUUID();
    // In one order, so that no two wait for each other.
    const moves = [
      { account: from, amount: -7 },
      { account: to, amount: 7 },
    ].toSorted((one, other) => one.account - other.account);
    await sql.begin(async (tx) => {
      if (isNew) await tx`insert into bank.accounts values (${to}, 0, 0, '')`;
      for (const { account, amount } of moves) {
        await tx`update bank.accounts set balance = balance + ${amount}, note = repeat('y', ${round % 300}) where id = ${account}`;
        await tx`insert into bank.postings (transfer, account, amount) values (${id}, ${account}, ${amount})`;
      }
    });
    transfers += 1;
  }
}

/** Holds the first object back until so many more transfers have been made: the backup lasts at least that long. */
function slow(sink: ArtifactSink): ArtifactSink {
  const from = transfers;
  return {
    keepsBodies: sink.keepsBodies,
    put: async (...object) => {
      await expect.poll(() => transfers - from, { timeout: 30_000 }).toBeGreaterThan(30);
      return sink.put(...object);
    },
    finish: () => sink.finish(),
    abort: () => sink.abort(),
  };
}

it("every copy of a bank that does not stand still sums up to the same, and its foreign keys hold", async () => {
  const databaseUrl = () => live.url;
  const control = { signal: new AbortController().signal, onProgress: () => undefined };
  const seen: number[] = [];
  for (let round = 1; round <= 3; round += 1) {
    const artifactId = randomUUID();
    const store = memoryStore();
    const sink = sinkInto(new Map([["memory", store]]), ["memory"], artifactId);
    const { manifest } = await backup(
      { databaseUrl, sink: slow(sink), connections: 3, sharing: { peers: alone, sink } },
      {
        artifactId,
        createdAt: new Date(),
        entities: [...catalog.entities.values()],
        encryption: { kind: "NONE" },
      },
      control,
    );
    await restore(
      { databaseUrl: () => copy.url, catalog, source: storeSource(store, artifactId) },
      { runId: randomUUID(), attempt: 1, mode: "REPLACE", dryRun: false },
      control,
    );
    const [books] = await copied<Record<string, number>[]>`
      select (select sum(balance) from bank.accounts)::int as total,
        (select count(*) from bank.accounts)::int as accounts,
        (select count(*) from bank.postings)::int as postings,
        (select count(*) from bank.accounts a where balance <> opening +
          (select coalesce(sum(amount), 0) from bank.postings p where p.account = a.id))::int as unexplained,
        (select count(*) from (select from bank.postings group by transfer
          having count(*) <> 2 or sum(amount) <> 0) halves)::int as halves,
        (select count(*) from bank.postings p where not exists (
          select from bank.accounts a where a.id = p.account))::int as orphans,
        (select count(*) from pg_constraint where contype = 'f' and convalidated and conparentid = 0)::int as keys`;
    expect(books).toMatchObject({
      total: ACCOUNTS * OPENING,
      accounts: manifest.tables[0]?.rows,
      postings: manifest.tables[1]?.rows,
      ...{ unexplained: 0, halves: 0, orphans: 0, keys: 1 },
    });
    // Many copies have made it, side by side.
    expect(manifest.parts.filter(({ table }) => table === 0).length).toBeGreaterThan(3);
    seen.push(books?.["postings"] ?? 0);
  }
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  expect(new Set(seen).size).toBe(3);
});
