// Rows of empty tables that are inserted while others are still being staged: nobody sees any of them before all are there, and whatever
// stands in their way, the restore ends as it would have without.
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import type { Foresight } from "../../src/postgres/foresight.ts";
import { stageRows } from "../../src/postgres/stage-rows.ts";
import type { Staging } from "../../src/postgres/staging.ts";
import type { RestoreResult } from "../../src/postgres/staging-schema.ts";
import { createFixture, summary, type RestoreFixture } from "./restore-fixture.ts";
import { DDL, ENTITIES, NOTHING, damage, leftBehind, slowDown, untilQuery } from "./two-tables.ts";

/** What others see of the tables. */
async function seen({ sql }: RestoreFixture): Promise<unknown> {
  const [row] = await sql`
    select (select count(*)::int from app.b) as rows, pg_relation_size('app.b') > 0 as "hasPages",
      exists (select from pg_locks where relation = 'app.b'::regclass and mode = 'ShareRowExclusiveLock') as "isLocked"`;
  return row;
}

const endsOtherSessionsOf =
  ({ sql }: RestoreFixture) =>
  async (): Promise<void> => {
    await sql`select pg_terminate_backend(pid, 5000) from pg_locks where relation = 'app.b'::regclass and mode = 'ShareRowExclusiveLock'`;
  };

describe("a restore into an empty table", () => {
  it("locks it against writers and fills it while others are staged, and nobody sees its rows", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    const before = await fixture.contents();
    await fixture.sql`truncate app.b`;
    await fixture.sql`update app.a set v = 'changed' where id < 4`;
    let meanwhile: unknown;
    const onStaged = async (): Promise<void> => {
      meanwhile = await seen(fixture);
    };
    const { changes } = await fixture.restore(backup, { mode: "REPLACE", early: true, onStaged });
    expect(meanwhile).toEqual({ rows: 0, hasPages: true, isLocked: true });
    expect(summary(changes)).toEqual({ "app.a": "0/3/17/0", "app.b": "20/0/0/0" });
    expect(await fixture.contents()).toEqual(before);
    expect(await leftBehind(fixture)).toEqual(NOTHING);
  });

  it("finds the plan of its preview, and refuses another", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    const before = await fixture.contents();
    await fixture.sql`truncate app.b`;
    const { plan } = await fixture.restore(backup, { dryRun: true });
    const other = fixture.restore(backup, { early: true, expectPlan: plan.replaceAll(/[0-9]/g, "f") });
    await expect(other).rejects.toMatchObject({ code: "PLAN_CHANGED" });
    expect(await fixture.sql`select from app.b`).toHaveLength(0);
    await fixture.restore(backup, { early: true, expectPlan: plan });
    expect(await fixture.contents()).toEqual(before);
  });

  it("is foreseen with the rows that it has by then, and nothing stays of it where they are refused", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    await fixture.sql`truncate app.b`;
    await fixture.sql`update app.a set v = 'changed' where id < 4`;
    const tables = ["a", "b"].map((name) => ({ schema: "app", name }));
    const asked: unknown[] = [];
    const foresight: Foresight = {
      database: fixture.database.name,
      tables,
      question: (rowsThen) =>
        sql.join(
          tables.map(
            (table) =>
              sql`SELECT count(*)::int AS rows, max(v) AS last FROM (${rowsThen(table, ["v"])}) AS later`,
          ),
          sql` UNION ALL `,
        ),
      consider: (answer) => {
        asked.push([...answer]);
        if (asked.length === 1) throw new Error("refused");
      },
    };
    await expect(fixture.restore(backup, { early: true, foresight })).rejects.toThrow("refused");
    expect(await fixture.sql`select from app.b`).toHaveLength(0);
    expect(await leftBehind(fixture)).toEqual(NOTHING);
    await fixture.restore(backup, { early: true, foresight });
    const then = [
      { rows: 20, last: "a9" },
      { rows: 20, last: "b9" },
    ];
    expect(asked).toEqual([then, then]);
  });

  it("has the rows that another session has staged as well", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    await fixture.sql`truncate app.b`;
    const table = { schema: "app", name: "b" };
    const others = async (staging: Staging): Promise<void> => {
      await using session = await fixture.database.session(new AbortController().signal);
      const chunks = async function* () {
        yield Buffer.from("21\tof another\n22\tof another\n");
      };
      staging.adopt(table, await stageRows(session, table, staging.placeOf(table), chunks()));
    };
    const { changes } = await fixture.restore(backup, { early: true, onStaged: others });
    expect(summary(changes)).toMatchObject({ "app.b": "22/0/0/0" });
    const rows = await fixture.sql`select id from app.b order by id`;
    expect(rows.map(({ id }) => id as number)).toEqual(Array.from({ length: 22 }, (_, n) => n + 1));
  });

  it("goes on with the rows that others have staged while it was inserting", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    await fixture.sql.unsafe(`
      truncate app.b;
      create sequence app.inserted;
      create function app.count_late(id int) returns bool language plpgsql as $$ begin
        if id > 100 then
          perform pg_advisory_xact_lock_shared(7), nextval('app.inserted');
        end if;
        return true;
      end $$;
      alter table app.b add check (app.count_late(id))`);
    const load = (staging: Staging, ids: readonly number[]) =>
      staging.load(
        { schema: "app", name: "b" },
        (async function* () {
          yield Buffer.from(ids.map((id) => `${id}\tlate\n`).join(""));
        })(),
      );
    const counts: unknown[] = [];
    const onStaged = async (staging: Staging): Promise<void> => {
      const holder = await fixture.sql.reserve();
      await holder`select pg_advisory_lock(7)`;
      const first = load(staging, [101, 102, 103]);
      await untilQuery(fixture, 'INSERT INTO "app"."b"');
      await load(staging, [104, 105, 106]);
      await holder`select pg_advisory_unlock(7)`;
      holder.release();
      await first;
      counts.push(...(await fixture.sql`select last_value::int as inserted from app.inserted`));
    };
    const { changes } = await fixture.restore(backup, { early: true, onStaged });
    expect(counts).toEqual([{ inserted: 6 }]);
    expect(summary(changes)).toMatchObject({ "app.b": "26/0/0/0" });
  });

  it("is refused for rows that refer to nothing, and leaves the table empty", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    await fixture.sql`alter table app.b add a_id int references app.a`;
    await fixture.sql`update app.b set a_id = id`;
    const backup = await fixture.backUp();
    await fixture.sql`truncate app.b`;
    await fixture.sql`delete from app.a where id = 7`;
    const restoring = fixture.restore(backup, { entities: ["B"], early: true });
    await expect(restoring).rejects.toMatchObject({ code: "MISSING_REFERENCES" });
    expect(await fixture.sql`select from app.b`).toHaveLength(0);
    expect(await leftBehind(fixture)).toEqual(NOTHING);
  });

  it("names rows that the table does not take, as it would otherwise", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    await fixture.sql`truncate app.b`;
    await fixture.sql`alter table app.b add constraint short check (v <> 'b20')`;
    await expect(fixture.restore(backup, { early: true })).rejects.toMatchObject({
      code: "CONSTRAINT_VIOLATED",
      details: { violations: [{ constraint: "short", examples: ["id = 20"] }] },
    });
    expect(await fixture.sql`select from app.b`).toHaveLength(0);
    expect(await leftBehind(fixture)).toEqual(NOTHING);
  });

  it("leaves triggers that always fire as they were, and none has fired", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    await fixture.sql.unsafe(`
      create function app.change() returns trigger language plpgsql as $$ begin new.v = 'fired'; return new; end $$;
      create trigger always before insert on app.b for each row execute function app.change();
      alter table app.b enable always trigger always`);
    const backup = await fixture.backUp();
    const before = await fixture.contents();
    await fixture.sql`truncate app.b`;
    await fixture.restore(backup, { early: true });
    expect(await fixture.contents()).toEqual(before);
    const [trigger] = await fixture.sql`select tgenabled from pg_trigger where tgname = 'always'`;
    expect(trigger).toEqual({ tgenabled: "A" });
  });

  it("stops when it is cancelled, and leaves the table empty", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    await fixture.sql`truncate app.b`;
    await slowDown(fixture);
    const controller = new AbortController();
    const reason = new Error("enough");
    const restoring = fixture.restore(backup, { early: true, signal: controller.signal });
    const outcome = expect(restoring).rejects.toBe(reason);
    await untilQuery(fixture, 'INSERT INTO "app"."b"');
    controller.abort(reason);
    await outcome;
    expect(await fixture.sql`select from app.b`).toHaveLength(0);
    expect(await leftBehind(fixture)).toEqual(NOTHING);
  });
});

describe("a restore that cannot insert early", () => {
  const ends = { mode: "REPLACE", early: true } as const;

  it("goes on without when its transaction is lost", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    const before = await fixture.contents();
    await fixture.sql`truncate app.b`;
    await fixture.restore(backup, { ...ends, onStaged: endsOtherSessionsOf(fixture) });
    expect(await fixture.contents()).toEqual(before);
    expect(await leftBehind(fixture)).toEqual(NOTHING);
  });

  it("waits for somebody who holds the table only when all is staged", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    const before = await fixture.contents();
    await fixture.sql`truncate app.b`;
    const holder = await fixture.sql.reserve();
    await holder.unsafe("begin; lock table app.b in row exclusive mode");
    let isLocked: unknown;
    const onStaged = async (): Promise<void> => {
      isLocked = await seen(fixture);
      void sleep(50).then(() => holder.unsafe("rollback"));
    };
    await fixture.restore(backup, { ...ends, onStaged });
    holder.release();
    expect(isLocked).toMatchObject({ hasPages: false, isLocked: false });
    expect(await fixture.contents()).toEqual(before);
  });

  it("gives way to another restore that has locked what it is to lock yet, and is applied after it", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    const before = await fixture.contents();
    await fixture.sql`truncate app.b`;
    let other: Promise<RestoreResult> | undefined;
    const onStaged = async (): Promise<void> => {
      other = fixture.restore(backup);
      await Promise.race([other, untilQuery(fixture, 'LOCK TABLE ONLY "app"."b"')]);
    };
    const own = await fixture.restore(backup, { ...ends, onStaged });
    expect(summary((await other)?.changes ?? [])).toMatchObject({ "app.b": "20/0/0/0" });
    expect(summary(own.changes)).toMatchObject({ "app.b": "0/0/20/0" });
    expect(await fixture.contents()).toEqual(before);
  });

  it.each([
    ["tables that have rows", ""],
    [
      "a constraint that is checked at the end",
      "truncate app.b; alter table app.b add unique (v) deferrable",
    ],
  ])("leaves %s alone until all is staged", async (_, change) => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    const before = await fixture.contents();
    await damage(fixture);
    await fixture.sql.unsafe(change);
    let isLocked: unknown;
    const onStaged = async (): Promise<void> => {
      isLocked = await seen(fixture);
    };
    await fixture.restore(backup, { ...ends, onStaged });
    expect(isLocked).toMatchObject({ isLocked: false });
    expect(await fixture.contents()).toEqual(before);
  });

  it("restores as the tables' plain owner, who cannot set triggers to rest", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    const before = await fixture.contents();
    await fixture.sql`truncate app.b`;
    await fixture.restore(backup, { ...ends, database: await fixture.asOwner() });
    expect(await fixture.contents()).toEqual(before);
  });
});
