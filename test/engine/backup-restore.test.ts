import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { generateIdentity } from "../../src/codec/age.ts";
import type { Progress, TableChanges } from "../../src/core/run.ts";
import { EVERYTHING, openWorld, type World } from "./platform-world.ts";

/** Changes of the tables that change. */
const changed = (changes: readonly TableChanges[]) =>
  Object.fromEntries(
    changes
      .filter(({ inserted, updated, deleted }) => inserted + updated + deleted > 0)
      .map(({ table, inserted, updated, deleted }) => [table, [inserted, updated, deleted]]),
  );

const DAMAGE = `
  DELETE FROM platform.users WHERE id % 7 = 3;
  UPDATE platform.templates SET name = 'overwritten ' || id;
  UPDATE platform.log_entries SET message = 'overwritten' WHERE id % 100 = 0;
  DELETE FROM platform.audit_logs WHERE id % 3 = 0;
  INSERT INTO platform.users (username) VALUES ('came later');
  INSERT INTO platform.spaces (slug, name) VALUES ('came-later', 'Came later');
`;

describe("a backup of the platform", () => {
  let world: World;
  let before: Record<string, string>;
  let artifactId: string;
  let unlock: { identity: string };

  beforeAll(async () => {
    world = await openWorld();
    before = await world.fingerprints();
    const { identity, recipient } = await generateIdentity();
    unlock = { identity };
    ({ artifactId } = await world.backUp(EVERYTHING, { kind: "RECIPIENTS", recipients: [recipient] }));
  });
  afterAll(() => world[Symbol.asyncDispose]());
  beforeEach(async () => {
    await world.restore(artifactId, { mode: "REPLACE", unlock });
    expect(await world.fingerprints()).toEqual(before);
  });

  it("is put back row for row by REPLACE, whatever was damaged", async () => {
    await world.sql.unsafe(DAMAGE);
    expect(await world.fingerprints()).not.toEqual(before);
    const { changes } = await world.restore(artifactId, { mode: "REPLACE", unlock });
    expect(await world.fingerprints()).toEqual(before);
    expect(changed(changes)).toMatchObject({
      "platform.spaces": [0, 0, 1],
      "platform.audit_logs": [166, 0, 0],
      "platform.log_entries": [0, 20, 0],
    });
  });

  it("keeps later rows under MERGE and puts back the others", async () => {
    await world.sql.unsafe(DAMAGE);
    await world.restore(artifactId, { unlock });
    const later = await world.sql`SELECT FROM platform.users WHERE username = 'came later'`;
    expect(later).toHaveLength(1);
    await world.sql`DELETE FROM platform.users WHERE username = 'came later'`;
    await world.sql`DELETE FROM platform.spaces WHERE slug = 'came-later'`;
    expect(await world.fingerprints()).toEqual(before);
  });

  it("inserts what is missing and changes nothing else under INSERT_MISSING", async () => {
    await world.sql.unsafe(DAMAGE);
    const { changes } = await world.restore(artifactId, { mode: "INSERT_MISSING", unlock });
    expect(changes.every(({ updated, deleted }) => updated + deleted === 0)).toBe(true);
    const kept = await world.sql`SELECT FROM platform.log_entries WHERE message = 'overwritten'`;
    expect(kept).toHaveLength(20);
    expect((await world.fingerprints())["platform.user_roles"]).toBe(before["platform.user_roles"]);
  });

  it("previews exactly what a restore then does, and changes nothing by previewing", async () => {
    await world.sql.unsafe(DAMAGE);
    const damaged = await world.fingerprints();
    const schemas = await world.leftovers();
    const preview = await world.restore(artifactId, { dryRun: true, unlock });
    expect(await world.fingerprints()).toEqual(damaged);
    expect(await world.leftovers()).toEqual(schemas);
    const done = await world.restore(artifactId, { expectPlan: preview.plan, unlock });
    expect(done).toEqual(preview);
  });

  it("is refused a plan that no longer holds", async () => {
    await world.sql.unsafe(DAMAGE);
    const { plan } = await world.restore(artifactId, { dryRun: true, unlock });
    await world.sql`UPDATE platform.templates SET name = 'again ' || id`;
    const now = await world.fingerprints();
    await expect(world.restore(artifactId, { expectPlan: plan, unlock })).rejects.toMatchObject({
      code: "PLAN_CHANGED",
    });
    expect(await world.fingerprints()).toEqual(now);
  });

  it("gives back the chosen entities and no others", async () => {
    await world.sql.unsafe(DAMAGE);
    const damaged = await world.fingerprints();
    await world.restore(artifactId, { entities: ["TEMPLATES"], unlock });
    const after = await world.fingerprints();
    const different = Object.keys(after).filter((table) => after[table] !== damaged[table]);
    expect(different).toEqual(["platform.templates"]);
  });

  it("refuses a subset whose references would be missing, and names the entity to add", async () => {
    await world.sql`TRUNCATE platform.spaces CASCADE`;
    const refused = world.restore(artifactId, { entities: ["TEMPLATES"], unlock });
    await expect(refused).rejects.toMatchObject({
      code: "MISSING_REFERENCES",
      details: { entities: ["SPACES"] },
      hint: expect.stringContaining("SPACES"),
    });
    await world.restore(artifactId, { entities: ["TEMPLATES", "SPACES"], unlock });
  });

  it("refuses to delete what another entity still refers to", async () => {
    await world.sql.unsafe(`
      WITH space AS (INSERT INTO platform.spaces (slug, name) VALUES ('late', 'Late') RETURNING id)
      INSERT INTO platform.variables (space_id, name) SELECT id, 'late' FROM space`);
    const refused = world.restore(artifactId, { entities: ["SPACES"], mode: "REPLACE", unlock });
    await expect(refused).rejects.toMatchObject({
      code: "STILL_REFERENCED",
      details: { entities: ["VARIABLES"] },
    });
  });

  it("is opened by its passphrase and by no other", async () => {
    const { artifactId: locked } = await world.backUp(
      { entities: ["ROLES"] },
      { kind: "PASSPHRASE", passphrase: "correct horse" },
    );
    const wrong = world.restore(locked, { unlock: { passphrase: "wrong" } });
    await expect(wrong).rejects.toMatchObject({ code: "WRONG_PASSPHRASE" });
    await expect(world.restore(locked)).rejects.toMatchObject({ code: "PASSPHRASE_REQUIRED" });
    await expect(world.restore(artifactId)).rejects.toMatchObject({ code: "IDENTITY_REQUIRED" });
    await world.restore(locked, { unlock: { passphrase: "correct horse" } });
  });

  it("lets sequences go on behind the largest value that came back", async () => {
    await world.sql`DELETE FROM platform.alerts`;
    await world.sql`ALTER TABLE platform.alerts ALTER COLUMN id RESTART WITH 1000`;
    await world.restore(artifactId, { entities: ["ALERTS"], unlock });
    const [largest] = await world.sql`SELECT max(id) AS id FROM platform.alerts`;
    const [next] = await world.sql`SELECT nextval(pg_get_serial_sequence('platform.alerts', 'id')) AS id`;
    expect(Number(next?.["id"])).toBe(Number(largest?.["id"]) + 1);
  });

  it("reports progress that never falls and ends at a hundred, of each table too", async () => {
    const report: Progress[] = [];
    const copied = await world.backUp({}, { kind: "NONE" }, { report });
    const restoring = report.length;
    await world.restore(copied.artifactId, {}, { report });
    const percents = report.slice(restoring).map(({ percent }) => percent);
    expect(percents).toEqual(percents.toSorted((a, b) => a - b));
    expect(percents.at(-1)).toBe(100);
    for (const phase of ["copying", "staging", "comparing"] as const) {
      const tables = report.findLast((progress) => progress.phase === phase)?.tables ?? [];
      expect(
        tables.map(({ table }) => table),
        phase,
      ).toContain("platform.users");
      expect(
        tables.filter(({ done, rows, rowsTotal }) => !done || rows !== rowsTotal),
        phase,
      ).toEqual([]);
    }
  });
});

describe("a run that is stopped", () => {
  it("leaves no artifact when a backup is cancelled midway", async () => {
    await using world = await openWorld();
    const cancelled = new AbortController();
    const report: Progress[] = [];
    const watch = new Proxy(report, {
      get: (target, name) => {
        if (name === "push") cancelled.abort(new Error("cancelled by the test"));
        return Reflect.get(target, name) as unknown;
      },
    });
    const stopped = world.backUp({}, { kind: "NONE" }, { report: watch, signal: cancelled.signal });
    await expect(stopped).rejects.toThrow("cancelled by the test");
    const left = await Array.fromAsync(world.store.list(""));
    expect(left).toEqual([]);
    const [open] = await world.sql`
      SELECT count(*)::int AS sessions FROM pg_stat_activity
      WHERE datname = current_database() AND application_name LIKE 'holdfast%'`;
    expect(open?.["sessions"]).toBe(0);
  });

  it("leaves the database as it was when a restore is cancelled while it applies", async () => {
    await using world = await openWorld();
    const { artifactId } = await world.backUp();
    await world.sql.unsafe(DAMAGE);
    const damaged = await world.fingerprints();
    const cancelled = new AbortController();
    const report: Progress[] = [];
    const timer = setInterval(() => {
      if (report.at(-1)?.phase === "applying") cancelled.abort(new Error("cancelled by the test"));
    }, 1);
    const holdUp = world.sql.begin(async (tx) => {
      // The restore comes to wait for this row in the middle of its transaction.
      await tx`SELECT FROM platform.log_entries WHERE id = 100 FOR UPDATE`;
      await new Promise((resolve) => cancelled.signal.addEventListener("abort", resolve));
    });
    const options = { report, signal: cancelled.signal };
    await expect(world.restore(artifactId, {}, options)).rejects.toThrow("cancelled by the test");
    clearInterval(timer);
    await holdUp;
    expect(await world.fingerprints()).toEqual(damaged);
    expect(await world.leftovers()).toEqual([]);
  });

  it("does not apply a restore twice when it is taken up again after its commit", async () => {
    await using world = await openWorld();
    const { artifactId } = await world.backUp();
    await world.sql.unsafe(DAMAGE);
    const run = { runId: "2f1f8b1c-7a3b-4c7e-9d55-0d1f7b8a9c10", attempt: 1 };
    const first = await world.restore(artifactId, run);
    await world.sql`UPDATE platform.templates SET name = 'changed since ' || id`;
    const second = await world.restore(artifactId, { ...run, attempt: 2 });
    expect(second).toEqual(first);
    expect(await world.leftovers()).toHaveLength(1);
    await world.forget(run.runId);
    expect(await world.leftovers()).toEqual([]);
    const kept = await world.sql`SELECT FROM platform.templates WHERE name LIKE 'changed since%'`;
    expect(kept.length).toBeGreaterThan(0);
  });
});
