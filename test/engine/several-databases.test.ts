// A backup whose entities live in two databases: put back in both or in neither, and finished where something came in between.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { HoldfastError } from "../../src/core/errors.ts";
import { restoreAlone } from "../../src/engine/restore-alone.ts";
import { holdCommit } from "../support/held-commit.ts";
import { openDatabases, type SeveralDatabases } from "./several-databases.ts";

const ddl = (side: string) => `
  create table app.things (id int primary key, name text unique, n int not null);
  insert into app.things select n, '${side} ' || n, n from generate_series(1, 5) n`;
const DAMAGE = "delete from app.things where id = 1; update app.things set n = 0 where id = 2";

let world: SeveralDatabases;
let artifactId: string;
let pristine: Record<string, string[]>;
beforeAll(async () => {
  world = await openDatabases({
    west: { ddl: ddl("west"), entities: { WEST: ["things"] } },
    east: { ddl: ddl("east"), entities: { EAST: ["things"] } },
  });
  artifactId = await world.backUp();
  pristine = await world.contents();
});
afterAll(() => world[Symbol.asyncDispose]());
let damaged: Record<string, string[]>;
beforeEach(async () => {
  await world.restore(artifactId, { mode: "REPLACE" });
  for (const database of ["east", "west"]) await world.sql(database).unsafe(DAMAGE);
  damaged = await world.contents();
});

/** East commits first; here it has, and west has not. */
async function halfWay(runId: string, expectPlan?: string): Promise<void> {
  await using proxy = await holdCommit(world.databaseUrl("west"));
  const databaseUrl = (name: string) => (name === "west" ? proxy.url : world.databaseUrl(name));
  const first = world.restore(artifactId, { runId, expectPlan }, { databaseUrl });
  const outcome = expect(first).rejects.toMatchObject({
    code: "PARTIALLY_APPLIED",
    retryable: true,
    message: expect.stringMatching(/applied in east, and not yet in west/),
    details: { applied: ["east"], missing: ["west"] },
  });
  await proxy.held;
  proxy.cut();
  await outcome;
  expect(await world.contents()).toEqual({ ...damaged, "east:things": pristine["east:things"] });
}

describe("a restore in two databases", () => {
  it("is previewed and applied as one, and lists what it does in both", async () => {
    const preview = await world.restore(artifactId, { dryRun: true });
    expect(await world.contents()).toEqual(damaged);
    expect(preview.changes.map(({ entity, inserted, updated }) => [entity, inserted, updated])).toEqual([
      ["WEST", 1, 1],
      ["EAST", 1, 1],
    ]);
    expect(await world.restore(artifactId, { expectPlan: preview.plan })).toEqual(preview);
    expect(await world.contents()).toEqual(pristine);
    expect(await world.leftovers()).toEqual([]);
  });

  it("is held to its plan by what changes in either", async () => {
    const { plan } = await world.restore(artifactId, { dryRun: true });
    await world.sql("west")`update app.things set n = 7 where id = 3`;
    const refused = world.restore(artifactId, { expectPlan: plan });
    await expect(refused).rejects.toMatchObject({ code: "PLAN_CHANGED" });
    const east = await world.restore(artifactId, { entities: ["EAST"] });
    expect(east.changes.map(({ entity }) => entity)).toEqual(["EAST"]);
  });

  it.each([
    ["a conflict", "insert into app.things values (9, 'west 1', 1)", "", "UNIQUE_CONFLICT"],
    [
      "a constraint that only the database can check",
      "alter table app.things add constraint none check (n <> 1) not valid",
      "alter table app.things drop constraint none",
      "CONSTRAINT_VIOLATED",
    ],
  ])("changes neither where there is %s in the second", async (_, before, after, code) => {
    const west = world.sql("west");
    await west.unsafe(before);
    const now = await world.contents();
    await expect(world.restore(artifactId)).rejects.toMatchObject({ code });
    expect(await world.contents()).toEqual(now);
    expect(await world.leftovers()).toEqual([]);
    await west.unsafe(after);
  });

  it("changes neither where a session is killed in the second", async () => {
    const west = world.sql("west");
    const restoring = await west.begin(async (tx) => {
      await tx`lock table app.things in row exclusive mode`;
      const first = world.restore(artifactId);
      const outcome = expect(first).rejects.toMatchObject({ code: "DATABASE_UNREACHABLE" });
      // It waits for the table in the second, and has its locks in the first.
      await expect
        .poll(
          () => west`select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock' and starts_with(query, 'LOCK TABLE')`,
          { timeout: 60_000 },
        )
        .toHaveLength(1);
      return { outcome };
    });
    await restoring.outcome;
    expect(await world.contents()).toEqual(damaged);
    expect(await world.leftovers()).toEqual([]);
  });
});

describe("what ends a restore between its two commits", () => {
  it("is made good by the next attempt, which changes nothing twice", async () => {
    const runId = randomUUID();
    await halfWay(runId);
    await world.sql("east")`update app.things set n = 9 where id = 4`;
    const { changes } = await world.restore(artifactId, { runId, attempt: 2 });
    expect(changes.map(({ entity, inserted, updated }) => [entity, inserted, updated])).toEqual([
      ["WEST", 1, 1],
      ["EAST", 1, 1],
    ]);
    const after = await world.contents();
    expect(after["west:things"]).toEqual(pristine["west:things"]);
    expect(after["east:things"]).toContain('(4,"east 4",9)');
    await world.forget(runId);
    expect(await world.leftovers()).toEqual([]);
  });

  it("is made good also where the first attempt still hangs at its second commit", async () => {
    const runId = randomUUID();
    await using proxy = await holdCommit(world.databaseUrl("west"));
    const databaseUrl = (name: string) => (name === "west" ? proxy.url : world.databaseUrl(name));
    const first = world.restore(artifactId, { runId }, { databaseUrl });
    const outcome = expect(first).rejects.toBeInstanceOf(HoldfastError);
    await proxy.held;
    await world.restore(artifactId, { runId, attempt: 2 });
    await outcome;
    expect(await world.contents()).toEqual(pristine);
    await world.forget(runId);
  });

  it("is not made good against a plan that holds no more", async () => {
    const { plan } = await world.restore(artifactId, { dryRun: true });
    const runId = randomUUID();
    await halfWay(runId, plan);
    await world.sql("west")`update app.things set n = 7 where id = 3`;
    const second = world.restore(artifactId, { runId, attempt: 2, expectPlan: plan });
    await expect(second).rejects.toMatchObject({ code: "PARTIALLY_APPLIED" });
    expect((await world.contents())["west:things"]).toContain('(3,"west 3",7)');
    await world.forget(runId);
  });

  it("is made good at once where nobody else would take the restore up again", async () => {
    await using proxy = await holdCommit(world.databaseUrl("west"));
    const deps = {
      catalog: world.catalog,
      source: world.source(artifactId),
      databaseUrl: (name: string) => (name === "west" ? proxy.url : world.databaseUrl(name)),
      connections: 2,
    };
    const control = { signal: new AbortController().signal, onProgress: () => undefined };
    const order = { runId: randomUUID(), mode: "MERGE", dryRun: false } as const;
    const left: unknown[] = [];
    const done = restoreAlone(deps, order, control, (error) => left.push(error));
    await proxy.held;
    proxy.cut();
    await done;
    expect(await world.contents()).toEqual(pristine);
    expect(await world.leftovers()).toEqual([]);
    expect(left).toEqual([]);
  });
});
