// Check constraints and partitions that the backup's rows do not satisfy: found by the preview, row by row, with nothing changed.
import { describe, expect, it } from "vitest";
import { createFixture, serverVersion, summary } from "./restore-fixture.ts";

const DDL = `
  create schema app;
  create table app.users (id int primary key, name text, age int);
  insert into app.users select i, 'user ' || i, i from generate_series(1, 9) i;
`;
const ENTITIES = { USERS: ["app.users"] };
const server = await serverVersion();

async function changed(ddl: string) {
  const fixture = await createFixture(DDL, ENTITIES);
  const backup = await fixture.backUp();
  await fixture.sql.unsafe(`delete from app.users; ${ddl}`);
  return { fixture, backup, [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose]() };
}

describe("rows that a check constraint forbids", () => {
  it("are counted and named for every constraint at once, by the preview and by the restore", async () => {
    await using world = await changed(
      `alter table app.users add constraint old check (age > 7), add constraint odd check (age % 2 = 1 or name is null)`,
    );
    const before = await world.fixture.contents();
    for (const dryRun of [true, false]) {
      await expect(world.fixture.restore(world.backup, { dryRun })).rejects.toMatchObject({
        code: "CONSTRAINT_VIOLATED",
        message:
          "Nothing was changed. app.users: 4 rows of the backup would violate odd, (((age % 2) = 1) OR (name IS NULL)), " +
          "for example id = 2; id = 4; id = 6; id = 8; app.users: 7 rows of the backup would violate old, (age > 7), " +
          "for example id = 1; id = 2; id = 3; id = 4; id = 5.",
        details: {
          violations: [
            { constraint: "odd", rows: 4 },
            { constraint: "old", rows: 7 },
          ],
        },
      });
    }
    expect(await world.fixture.contents()).toEqual(before);
  });

  it("are in nobody's way where the restore does not write them", async () => {
    await using world = await changed("alter table app.users add check (age > 7) not valid");
    await world.fixture.sql`alter table app.users drop constraint users_age_check`;
    await world.fixture.restore(world.backup);
    await world.fixture.sql`delete from app.users where id = 9`;
    await world.fixture.sql`alter table app.users add check (age > 7) not valid`;
    expect(summary((await world.fixture.restore(world.backup)).changes)).toEqual({ "app.users": "1/0/8/0" });
  });

  it("are found by what the database will put in columns that the backup does not have", async () => {
    await using world = await changed(
      `alter table app.users add plan text default 'free', add seen timestamptz default now(),
         add shout text generated always as (upper(name)) stored,
         add constraint paid check (plan = 'paid' or age < 3), add constraint loud check (shout <> 'USER 4'),
         add constraint late check (seen < '2000-01-01' or age < 9)`,
    );
    await world.fixture.sql`insert into app.users (id, age, plan) values (5, 0, 'paid')`;
    await expect(world.fixture.restore(world.backup, { dryRun: true })).rejects.toMatchObject({
      details: {
        violations: [
          { constraint: "loud", rows: 1, examples: ["id = 4"] },
          // The fifth row is there and has its own plan; what now() will be nobody knows before.
          { constraint: "paid", rows: 6 },
        ],
      },
    });
  });

  it.runIf(server >= 180_000)("are found in a virtual column", async () => {
    await using world = await changed(
      "alter table app.users add twice int generated always as (age * 2) virtual, add constraint small check (twice < 17)",
    );
    await expect(world.fixture.restore(world.backup, { dryRun: true })).rejects.toMatchObject({
      details: { violations: [{ constraint: "small", rows: 1, examples: ["id = 9"] }] },
    });
  });

  it.runIf(server >= 180_000)("are let in where the constraint is not enforced", async () => {
    await using world = await changed("alter table app.users add check (age > 7) not enforced");
    expect(summary((await world.fixture.restore(world.backup)).changes)).toEqual({
      "app.users": "9/0/0/0",
    });
  });

  it("are left to the database where a constraint cannot be asked before", async () => {
    await using world = await changed(
      `create function app.whole(app.users) returns boolean language sql as 'select ($1).age < 9';
       alter table app.users add constraint whole check (app.whole(users.*))`,
    );
    await expect(world.fixture.restore(world.backup)).rejects.toMatchObject({
      code: "CONSTRAINT_VIOLATED",
      message: expect.stringContaining("whole"),
    });
    expect(await world.fixture.sql`select from app.users`).toHaveLength(0);
  });
});

describe("rows that no partition takes", () => {
  const PARTITIONED = `drop table app.users;
    create table app.users (id int, name text, age int, primary key (id, age)) partition by range (age);
    create table app.young partition of app.users for values from (0) to (5) partition by list (id);
    create table app.young_1 partition of app.young for values in (1, 2);`;

  it("are counted and named", async () => {
    await using fixture = await createFixture(
      `${DDL} alter table app.users drop constraint users_pkey; alter table app.users add primary key (id, age)`,
      ENTITIES,
    );
    const backup = await fixture.backUp();
    await fixture.sql.unsafe(PARTITIONED);
    await expect(fixture.restore(backup, { dryRun: true })).rejects.toMatchObject({
      code: "CONSTRAINT_VIOLATED",
      message: expect.stringContaining(
        "app.users has no partition for 7 rows of the backup, for example id = 3",
      ),
    });
    await fixture.sql`create table app.young_2 partition of app.young default`;
    await fixture.sql`create table app.others partition of app.users default`;
    await fixture.sql`alter table app.others add constraint others check (age <> 8)`;
    await expect(fixture.restore(backup, { dryRun: true })).rejects.toMatchObject({
      details: { violations: [{ constraint: "others", rows: 1, examples: ["id = 8, age = 8"] }] },
    });
    await fixture.sql`alter table app.others drop constraint others`;
    expect(summary((await fixture.restore(backup)).changes)).toEqual({ "app.users": "9/0/0/0" });
  });

  it("are all of them where there is no partition at all, or the table is a partition of other bounds", async () => {
    await using fixture = await createFixture(
      `${DDL} alter table app.users drop constraint users_pkey`,
      ENTITIES,
    );
    const backup = await fixture.backUp();
    await fixture.sql.unsafe(
      "drop table app.users; create table app.users (id int, name text, age int) partition by list (id)",
    );
    await expect(fixture.restore(backup, { dryRun: true })).rejects.toMatchObject({
      details: { violations: [{ constraint: null, rows: 9, examples: [] }] },
    });
    await fixture.sql
      .unsafe(`drop table app.users; create table app.people (id int, name text, age int) partition by range (id);
      create table app.users partition of app.people for values from (0) to (9)`);
    await expect(fixture.restore(backup, { dryRun: true })).rejects.toMatchObject({
      details: { violations: [{ constraint: null, rows: 1 }] },
    });
  });
});
