// What happens to rows when two acts come together in one database: restores, backups, people who alter tables, and whoever
// cancels. One of them waits, or is told; nothing is ever mixed.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Phase, Progress } from "../../src/core/run.ts";
import type { ArtifactSink } from "../../src/engine/artifact-io.ts";
import { openDatabases, type SeveralDatabases } from "../engine/several-databases.ts";

const DDL = `
  create table app.users (id int primary key, name text not null unique);
  create table app.notes (id int primary key, author int not null references app.users, text text not null);
  insert into app.users select n, 'user ' || n from generate_series(1, 100) n;
  insert into app.notes select n, n % 100 + 1, 'note ' || n from generate_series(1, 300) n;`;
const DAMAGE = `
  update app.users set name = name || '!';
  delete from app.notes where id % 3 = 0;
  insert into app.notes values (1000, 1, 'late');`;

let place: SeveralDatabases;
let first: string;
let before: Record<string, string[]>;
let damaged: Record<string, string[]>;
const sql = () => place.sql("app");

beforeAll(async () => {
  place = await openDatabases({ app: { ddl: DDL, entities: { USERS: ["users"], NOTES: ["notes"] } } });
  first = await place.backUp();
  before = await place.contents();
});
afterAll(() => place[Symbol.asyncDispose]());
beforeEach(async () => {
  await place.restore(first, { mode: "REPLACE" });
  await sql().unsafe(DAMAGE);
  damaged = await place.contents();
});

/** A backup that has its snapshot, and waits to write it down until it is let go. */
async function pausedBackup() {
  const reached = Promise.withResolvers<void>();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const through = (sink: ArtifactSink): ArtifactSink => ({
    keepsBodies: sink.keepsBodies,
    put: async (...object) => {
      reached.resolve();
      await released;
      return sink.put(...object);
    },
    finish: () => sink.finish(),
    abort: () => sink.abort(),
  });
  const made = place.backUp({ through });
  await Promise.race([reached.promise, made]);
  return { made, release };
}

/** How many sessions of the database wait for a lock. */
async function waiting(): Promise<number> {
  const rows = await sql()`
    select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  return rows.length;
}

/** A restore that has changed rows, and waits for the last of them, which somebody else holds. */
async function pausedRestore() {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const holding = sql().begin(async (tx) => {
    await tx`select from app.users where id = 100 for update`;
    held.resolve();
    await released;
  });
  await held.promise;
  const made = place.restore(first, { mode: "REPLACE" });
  await expect.poll(waiting, { timeout: 20_000 }).toBe(1);
  return { made: Promise.all([made, holding]), release };
}

describe("two restores of the same entities", () => {
  it("are carried out one after the other: what is there then is the one backup or the other", async () => {
    const second = await place.backUp();
    await sql()`delete from app.notes`;
    await Promise.all([
      place.restore(first, { mode: "REPLACE" }),
      place.restore(second, { mode: "REPLACE" }),
    ]);
    expect([before, damaged]).toContainEqual(await place.contents());
    expect(await place.leftovers()).toEqual([]);
  });

  it("with the plan of the same preview: the one does what was agreed to, the other is told of it", async () => {
    const { plan: expectPlan } = await place.restore(first, { dryRun: true });
    const ended = await Promise.allSettled([1, 2].map(() => place.restore(first, { expectPlan })));
    const codes = ended.map((one) => (one.status === "rejected" ? String(one.reason.code) : one.status));
    expect(codes.toSorted()).toEqual(["PLAN_CHANGED", "fulfilled"]);
    expect(await place.leftovers()).toEqual([]);
  });

  it("of entities that refer to each other, in either order, do not embrace", async () => {
    await Promise.all([
      place.restore(first, { entities: ["NOTES"] }),
      place.restore(first, { entities: ["USERS"] }),
      place.restore(first, { entities: ["USERS", "NOTES"] }),
    ]);
    expect((await place.contents())["app:users"]).toEqual(before["app:users"]);
  });
});

describe("a backup and a restore at once", () => {
  it("a backup that began before has the rows from before, and keeps nobody from restoring", async () => {
    const { made, release } = await pausedBackup();
    await place.restore(first, { mode: "REPLACE" });
    expect(await place.contents()).toEqual(before);
    release();
    await place.restore(await made, { mode: "REPLACE" });
    expect(await place.contents()).toEqual(damaged);
  });

  it("a backup that begins while rows are changed waits for nobody, and has all of them from before", async () => {
    const { made, release } = await pausedRestore();
    const between = await place.backUp();
    release();
    await made;
    expect(await place.contents()).toEqual(before);
    await place.restore(between, { mode: "REPLACE" });
    expect(await place.contents()).toEqual(damaged);
  });
});

describe("an ALTER TABLE", () => {
  it("waits for a backup of the table, which has it as it was", async () => {
    const { made, release } = await pausedBackup();
    const altering = sql()`alter table app.users add column age int`.execute();
    await expect.poll(waiting).toBe(1);
    release();
    await altering;
    await place.restore(await made, { mode: "REPLACE" });
    await sql()`alter table app.users drop column age`;
    expect(await place.contents()).toEqual(damaged);
  });

  it("waits for a restore that changes the table, and finds it restored", async () => {
    const { made, release } = await pausedRestore();
    const altering = sql()`alter table app.users add column age int default 7`.execute();
    await expect.poll(waiting).toBe(2);
    release();
    await made;
    await altering;
    await sql()`alter table app.users drop column age`;
    expect(await place.contents()).toEqual(before);
  });
});

/** Aborts as soon as the phase is reported. */
function cancelAt(phase: Phase) {
  const cancelled = new AbortController();
  const seen = new Set<Phase>();
  return {
    seen,
    signal: cancelled.signal,
    onProgress: (progress: Progress) => {
      seen.add(progress.phase);
      if (progress.phase === phase) cancelled.abort(new Error("cancelled"));
    },
  };
}

describe("being cancelled", () => {
  it.each(["planning", "copying", "sealing"] as const)(
    "while it is %s, a backup leaves nothing",
    async (phase) => {
      const stored = await place.stored();
      await expect(place.backUp(cancelAt(phase))).rejects.toThrow("cancelled");
      expect(await place.stored()).toEqual(stored);
      expect(await place.contents()).toEqual(damaged);
    },
  );

  it.each(["planning", "staging", "comparing", "applying"] as const)(
    "while it is %s, a restore has changed nothing and leaves nothing",
    async (phase) => {
      await expect(place.restore(first, { mode: "REPLACE" }, cancelAt(phase))).rejects.toThrow("cancelled");
      expect(await place.contents()).toEqual(damaged);
      expect(await place.leftovers()).toEqual([]);
    },
  );

  it("once it is done, comes too late", async () => {
    const cancelling = cancelAt("done");
    await place.restore(first, { mode: "REPLACE" }, cancelling);
    expect(cancelling.signal.aborted).toBe(true);
    expect(await place.contents()).toEqual(before);
  });
});
