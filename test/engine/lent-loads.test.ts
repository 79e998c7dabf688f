// Loads that a restore has lent to peers that do what the test says: what they say does not count, but what is in the database.
import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { expect, it, onTestFinished } from "vitest";
import { generateIdentity } from "../../src/codec/age.ts";
import { buildCatalog } from "../../src/core/catalog.ts";
import type { Progress } from "../../src/core/run.ts";
import { storeSource } from "../../src/engine/artifact-io.ts";
import { sinkInto } from "../../src/engine/artifact-stores.ts";
import { backup } from "../../src/engine/backup.ts";
import { helpLoad } from "../../src/engine/help-load.ts";
import { parsePiece, type Peers, type Settlement } from "../../src/engine/peers.ts";
import { restore } from "../../src/engine/restore.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { createDatabase } from "../support/postgres.ts";

const { signal } = new AbortController();
const silent = { signal, onProgress: () => undefined };
const entity = { label: "E", tables: [{ schema: "public", name: "t" }], read: "R", write: "W" };
const catalog = buildCatalog({ G: { E: entity } });
const LOST: Settlement = { done: false, reason: "lost" };
const DONE: Settlement = { done: true, result: null };

/** What becomes of each piece in turn. */
const FATES = [
  { loads: true, says: DONE },
  { loads: true, says: LOST },
  { loads: false, says: DONE },
  { loads: false, says: LOST },
] as const;

it("counts what peers have loaded, whatever they say, and loads the rest itself", async () => {
  const made = await createDatabase();
  const sql = postgres(made.url, { max: 1, onnotice: () => undefined });
  onTestFinished(async () => {
    await sql.end();
    await made.drop();
  });
  await sql.unsafe(`create table public.t (id int not null, v text not null);
    insert into public.t select n, repeat(md5(n::text), 10) from generate_series(1, 4000) n`);
  const databaseUrl = () => made.url;
  const store = memoryStore();
  const stores = new Map([["memory", store]]);
  const artifactId = randomUUID();
  const sink = sinkInto(stores, ["memory"], artifactId);
  const keys = await generateIdentity();
  const entrusted: string[] = [];
  const fates: boolean[] = [];
  const peers: Peers = {
    ...{ fromBytes: 0, pieceBytes: 64 * 1024, room: () => Promise.resolve(0) },
    entrust: async (secret) => void entrusted.push(secret),
    async offer(piece, onProgress) {
      const { loads, says } = FATES[fates.length] ?? { loads: true, says: DONE };
      const offered = parsePiece(JSON.parse(JSON.stringify(piece)));
      if (offered.kind !== "LOAD") expect.fail();
      fates.push(loads);
      const work = () => helpLoad({ databaseUrl, stores }, offered, entrusted[0], { signal, onProgress });
      const settled = (async () => {
        if (loads) await work();
        return says;
      })();
      return { retract: () => Promise.resolve(false), settled };
    },
  };
  const encryption = { kind: "RECIPIENTS", recipients: [keys.recipient] } as const;
  const order = { artifactId, createdAt: new Date(), entities: [...catalog.entities.values()], encryption };
  await backup({ databaseUrl, sink, sharing: { peers, sink } }, order, silent);
  await sql`delete from public.t where id % 2 = 0`;

  const source = storeSource(store, artifactId);
  const staged: Progress[] = [];
  const { changes } = await restore(
    {
      ...{ databaseUrl, catalog, connections: 1 },
      source: {
        ...source,
        // Its own connection has something to do until all of these have been lent.
        async *read(name, readSignal) {
          if (name.startsWith("parts/"))
            await expect.poll(() => fates.length, { timeout: 50_000 }).toBeGreaterThanOrEqual(FATES.length);
          yield* source.read(name, readSignal);
        },
      },
      sharing: { peers: { ...peers, room: () => Promise.resolve(3) }, stores: ["memory"] },
    },
    { runId: randomUUID(), attempt: 1, mode: "REPLACE", dryRun: false, unlock: { identity: keys.identity } },
    { signal, onProgress: (now) => void (now.phase === "staging" && staged.push(now)) },
  );
  expect(changes).toMatchObject([{ inserted: 2000, updated: 0, deleted: 0, unchanged: 2000 }]);
  expect(await sql`select id from public.t group by id having count(*) = 1`).toHaveLength(4000);
  expect(staged.at(-1)).toMatchObject({ rowsTotal: 4000, bytes: staged.at(-1)?.bytesTotal });
  // The artifact's own identity, and not whatever opens it.
  expect(entrusted).toEqual([expect.stringMatching(/^AGE-SECRET-KEY-1/)]);
  expect(entrusted).not.toContain(keys.identity);
});
