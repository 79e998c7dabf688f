// A backup into real stores that fail: what passes costs a second, and nothing of the database is read again for it; what does not
// pass ends the backup, and leaves nothing.
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { storeSource } from "../../src/engine/artifact-io.ts";
import { verifyContents } from "../../src/engine/verify.ts";
import { fsStore } from "../../src/store/fs.ts";
import { s3Store } from "../../src/store/s3.ts";
import type { Store } from "../../src/store/store.ts";
import { openFailingFront } from "../support/failing-front.ts";
import { haveSwift, startSwift, type SwiftServer } from "../support/swift.ts";
import { openApplication, type Application, type StoredBackup } from "./application-fixture.ts";

/** Of a KiB each that hardly compresses: two parts, the first of them more than S3 takes in one piece. */
const EVENTS = 36_000;
const ACCOUNTS = 1_000;

let app: Application;

beforeAll(async () => {
  app = await openApplication(
    `create table events (id integer primary key, what text not null) with (autovacuum_enabled = off);
     insert into events select n, (select string_agg(encode(sha512((n * 8 + m)::text::bytea), 'hex'), '')
       from generate_series(0, 7) m) from generate_series(1, ${EVENTS}) n;
     create table accounts (id integer primary key, name text not null) with (autovacuum_enabled = off);
     insert into accounts select n, 'name ' || n from generate_series(1, ${ACCOUNTS}) n;`,
    { EVENTS: ["public.events"], ACCOUNTS: ["public.accounts"] },
  );
});

afterAll(async () => {
  await app[Symbol.asyncDispose]();
});

/** Rows that the server has read of each table so far, by its own count. */
const countReads = async (): Promise<Record<string, number>> => {
  // A session that has ended has told what it read.
  await expect
    .poll(async () => {
      const [row] = await app.sql`
        select count(*)::int as open from pg_stat_activity where datname = current_database() and application_name like 'holdfast%'`;
      return row?.["open"];
    })
    .toBe(0);
  const rows = await app.sql<{ name: string; read: number }[]>`
    select relname as name, (seq_tup_read + coalesce(idx_tup_fetch, 0))::int as read from pg_stat_user_tables`;
  return Object.fromEntries(rows.map(({ name, read }) => [name, read]));
};

/** What `act` made the server read of the tables. */
const readsOf = async (act: () => Promise<unknown>): Promise<Record<string, number>> => {
  const before = await countReads();
  await act();
  return Object.fromEntries(
    Object.entries(await countReads()).map(([name, read]) => [name, read - (before[name] ?? 0)]),
  );
};

const READ_ONCE = { events: EVENTS, accounts: ACCOUNTS };

const verifiedRows = async ({ store, artifactId }: StoredBackup): Promise<(number | null)[]> => {
  const { signal } = new AbortController();
  const { manifest } = await verifyContents(storeSource(store, artifactId), {}, signal);
  return manifest.tables.map(({ rows }) => rows);
};

const keysOf = async (store: Store): Promise<string[]> =>
  (await Array.fromAsync(store.list(""))).map(({ key }) => key);

describe.skipIf(!haveSwift)("on S3", () => {
  let swift: SwiftServer;
  beforeAll(async () => {
    swift = await startSwift("secret");
  });
  afterAll(async () => {
    await swift[Symbol.asyncDispose]();
  });

  it("a put that fails although its requests were repeated is sent again whole, from memory", async () => {
    const front = await openFailingFront(swift.declaration.endpoint);
    const declaration = { ...swift.declaration, prefix: "passing" };
    const store = s3Store({ ...declaration, endpoint: front.url });
    // One more than the client itself repeats a request.
    front.fail(6, 503, (seen) => seen.startsWith("PUT") && seen.includes("partNumber=2"));
    let stored: StoredBackup | undefined;
    const reads = await readsOf(async () => (stored = await app.backUp(store)));
    const begun = front.seen.filter((seen) => seen.startsWith("POST") && seen.includes("?uploads"));
    expect(begun).toHaveLength(2);
    expect(begun[1]).toBe(begun[0]);
    expect(reads).toEqual(READ_ONCE);
    await store.close();
    if (stored === undefined) throw new Error("nothing was backed up");
    const sound = s3Store(declaration);
    expect(await verifiedRows({ ...stored, store: sound })).toEqual([EVENTS, ACCOUNTS]);
    await sound.close();
  });

  it("puts that go on failing end the backup, and leave no object and no session", async () => {
    const front = await openFailingFront(swift.declaration.endpoint);
    const declaration = { ...swift.declaration, prefix: "failing" };
    const store = s3Store({ ...declaration, endpoint: front.url });
    front.fail(Number.POSITIVE_INFINITY, 403, (seen) => seen.startsWith("PUT") && seen.includes("/parts/"));
    const reads = await readsOf(async () => {
      await expect(app.backUp(store)).rejects.toMatchObject({
        code: "STORE_FAILED",
        message: expect.stringMatching(/could not write .*\/parts\//),
      });
    });
    expect(reads["accounts"]).toBeLessThanOrEqual(ACCOUNTS);
    expect(reads["events"]).toBeLessThanOrEqual(EVENTS);
    expect(
      front.seen.filter((seen) => seen.startsWith("PUT") && seen.includes("holdfast.json")),
    ).toHaveLength(1);
    await store.close();
    const sound = s3Store(declaration);
    expect(await keysOf(sound)).toEqual([]);
    await sound.close();
  });
});

describe("in a directory", () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "holdfast-failing-"));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  /** A file where the parts' directory would be: every put of a part fails, until so many have. */
  const obstructed = (place: string, failures: number): { store: Store; failed: () => number } => {
    const store = fsStore({ directory: place });
    let failed = 0;
    let obstructing: Promise<void> | undefined;
    const put: Store["put"] = async (key, ...rest) => {
      const [artifact = "", name = ""] = key.split("/");
      const obstacle = path.join(place, artifact, "parts");
      if (name === "parts") await (obstructing ??= writeFile(obstacle, ""));
      try {
        return await store.put(key, ...rest);
      } catch (error) {
        failed += 1;
        if (failed >= failures) await rm(obstacle, { force: true });
        throw error;
      }
    };
    return { store: { ...store, put }, failed: () => failed };
  };

  it("puts that fail twice are sent again, from memory", async () => {
    const place = path.join(directory, "passing");
    const { store, failed } = obstructed(place, 2);
    let stored: StoredBackup | undefined;
    const reads = await readsOf(async () => (stored = await app.backUp(store)));
    expect(failed()).toBeGreaterThanOrEqual(2);
    expect(reads).toEqual(READ_ONCE);
    if (stored === undefined) throw new Error("nothing was backed up");
    expect(await verifiedRows(stored)).toEqual([EVENTS, ACCOUNTS]);
  });

  it("puts that go on failing end the backup, and leave nothing", async () => {
    const place = path.join(directory, "failing");
    const { store } = obstructed(place, Number.POSITIVE_INFINITY);
    await expect(app.backUp(store)).rejects.toMatchObject({
      code: "STORE_FAILED",
      message: expect.stringMatching(/^The file store could not write .*\/parts\//),
    });
    // What stands in the way is the test's.
    const files = await readdir(place, { recursive: true, withFileTypes: true });
    expect(files.filter((entry) => entry.isFile()).map(({ name }) => name)).toEqual(["parts"]);
  });
});
