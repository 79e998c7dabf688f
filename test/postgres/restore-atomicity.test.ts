// All of it or nothing: failures at every step, cancelling, tables that others hold.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { RestoreMode } from "../../src/core/run.ts";
import { openStaging } from "../../src/postgres/staging.ts";
import { createFixture, type MemoryBackup, type RestoreFixture } from "./restore-fixture.ts";
import { DDL, ENTITIES, NOTHING, damage, leftBehind, slowDown, untilQuery } from "./two-tables.ts";

const NOBODYS = { entityOf: () => undefined, isFirst: () => false, partial: new Set<string>() };

describe("a restore that fails", () => {
  it("leaves rows, sequences and triggers as they were, and nothing of its own", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    await damage(fixture);
    await fixture.sql`alter table app.b add constraint short check (v <> 'b20') not valid`;
    const before = await fixture.contents();
    await expect(fixture.restore(backup, { mode: "REPLACE" })).rejects.toMatchObject({
      code: "CONSTRAINT_VIOLATED",
      details: { violations: [{ constraint: "short" }] },
    });
    expect(await fixture.contents()).toEqual(before);
    expect(await leftBehind(fixture)).toEqual(NOTHING);
  });

  it("has nothing staged any more where its rows could not be read to the end", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    await damage(fixture);
    const before = await fixture.contents();
    const broken = new Error("the artifact ends here");
    const failing: MemoryBackup = {
      tables: backup.tables,
      copies: {
        get: (table) => {
          const chunks = backup.copies.get(table) ?? [];
          return table === "app.b" ? failAfter(chunks, broken) : chunks;
        },
      },
    };
    await expect(fixture.restore(failing)).rejects.toBe(broken);
    expect(await fixture.contents()).toEqual(before);
    expect(await leftBehind(fixture)).toEqual(NOTHING);
  });
});

/** Chunks whose reading fails after the last. */
function failAfter(chunks: Iterable<Buffer>, error: Error): Iterable<Buffer> {
  return {
    *[Symbol.iterator]() {
      yield* chunks;
      throw error;
    },
  };
}

describe("a restore that is cancelled", () => {
  it("stops in the middle of applying, and leaves everything as it was", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    await damage(fixture);
    await slowDown(fixture);
    const before = await fixture.contents();
    const controller = new AbortController();
    const reason = new Error("enough");
    const restore = fixture.restore(backup, { mode: "REPLACE", signal: controller.signal });
    const outcome = expect(restore).rejects.toBe(reason);
    await untilQuery(fixture, 'INSERT INTO "app"."b"');
    controller.abort(reason);
    await outcome;
    expect(await fixture.contents()).toEqual(before);
    expect(await leftBehind(fixture)).toEqual(NOTHING);
  });

  it("stops while rows are being loaded, whatever their source does", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    const controller = new AbortController();
    const reason = new Error("enough");
    const runId = randomUUID();
    const staging = await openStaging(
      fixture.database,
      { runId, attempt: 1, tables: backup.tables, catalog: NOBODYS },
      controller.signal,
    );
    const load = staging.load({ schema: "app", name: "b" }, endless());
    const outcome = expect(load).rejects.toBe(reason);
    await untilQuery(fixture, "COPY");
    controller.abort(reason);
    await outcome;
    await staging.close();
    expect(await leftBehind(fixture)).toEqual(NOTHING);
  });
});

async function* endless(): AsyncGenerator<Buffer> {
  for (let id = 0; ; id += 1) {
    yield Buffer.from(`${id}\trow\n`);
    await sleep(5);
  }
}

/** Resolves when the restore waits for somebody. */
async function startRestore(fixture: RestoreFixture, backup: MemoryBackup, mode: RestoreMode) {
  const restoring = fixture.restore(backup, { mode });
  restoring.catch(() => undefined);
  await Promise.race([untilQuery(fixture, "LOCK TABLE"), restoring]);
  return { restoring };
}

describe("a restore of tables that others use", () => {
  it("says so when a table is not let go, and changes nothing", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    await damage(fixture);
    const before = await fixture.contents();
    await fixture.sql.begin(async (tx) => {
      await tx`insert into app.b values (500, 'not committed')`;
      await expect(fixture.restore(backup, { lockTimeoutMs: 100 })).rejects.toMatchObject({
        code: "TABLE_LOCKED",
        retryable: true,
      });
      // A preview waits for nobody.
      await fixture.restore(backup, { dryRun: true, lockTimeoutMs: 100 });
      expect(await fixture.contents()).toEqual(before);
    });
  });

  const REFERRING = `
    create schema app;
    create table app.parents (id int primary key);
    create table app.children (id int primary key, parent_id int references app.parents);
    insert into app.parents values (1), (2); insert into app.children values (1, 1), (2, 2);`;

  it("waits for those who write what refers to them", async () => {
    await using fixture = await createFixture(REFERRING, { PARENTS: ["app.parents"] });
    const backup = await fixture.backUp();
    await fixture.sql`insert into app.parents values (3)`;
    const { restoring } = await fixture.sql.begin(async (tx) => {
      await tx`insert into app.children values (3, 3)`;
      return startRestore(fixture, backup, "REPLACE");
    });
    await expect(restoring).rejects.toMatchObject({ code: "STILL_REFERENCED" });
  });

  it("waits for those who write what they refer to", async () => {
    await using fixture = await createFixture(REFERRING, { CHILDREN: ["app.children"] });
    const backup = await fixture.backUp();
    await fixture.sql`delete from app.children where id = 2`;
    const { restoring } = await fixture.sql.begin(async (tx) => {
      await tx`delete from app.parents where id = 2`;
      return startRestore(fixture, backup, "MERGE");
    });
    await expect(restoring).rejects.toMatchObject({ code: "MISSING_REFERENCES" });
  });

  it("lets them be read meanwhile, and sees whatever was committed before it", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    await damage(fixture);
    await slowDown(fixture);
    const restore = fixture.restore(backup, { mode: "REPLACE" });
    await untilQuery(fixture, 'INSERT INTO "app"."b"');
    expect(await fixture.sql`select v from app.b where id = 1`).toEqual([{ v: "changed" }]);
    await restore;
    expect(await fixture.sql`select v from app.b where id = 1`).toEqual([{ v: "b1" }]);
  });

  it("is refused where a table was altered after it had been staged", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    await damage(fixture);
    const restore = fixture.restore(backup, {
      onStaged: async () => {
        await fixture.sql`alter table app.b add column w int not null default 1 references app.a`;
      },
    });
    await expect(restore).rejects.toMatchObject({ code: "SCHEMA_DRIFT" });
  });
});
