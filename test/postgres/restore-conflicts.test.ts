// Unique values: rows may exchange them, and rows that cannot be there together are named in pairs while nothing is changed.
import { describe, expect, it } from "vitest";
import { createFixture, serverVersion, summary } from "./restore-fixture.ts";

const DDL = `
  create schema app;
  create table app.users (id int primary key, name text unique, place int);
  insert into app.users values (1, 'a', 1), (2, 'b', 2), (3, 'c', 3), (4, null, 4);
`;
const ENTITIES = { USERS: ["app.users"] };

describe("rows that exchange unique values", () => {
  it("are restored, in a chain and in a ring", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    const before = await fixture.contents();
    await fixture.sql`update app.users set name = name || '!'`;
    await fixture.sql`update app.users set name = case id when 1 then 'b' when 2 then 'c' when 3 then 'a' end`;
    const { changes } = await fixture.restore(backup);
    expect(summary(changes)).toEqual({ "app.users": "0/3/1/0" });
    expect(await fixture.contents()).toEqual(before);
  });

  it("may take the value of a row that is deleted", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    const before = await fixture.contents();
    await fixture.sql`update app.users set id = 9 where id = 1`;
    const { changes } = await fixture.restore(backup, { mode: "REPLACE" });
    expect(summary(changes)).toEqual({ "app.users": "1/0/3/1" });
    expect(await fixture.contents()).toEqual(before);
  });

  it("may exchange an identity that is generated always", async () => {
    await using fixture = await createFixture(
      `create schema app;
       create table app.tags (tag text primary key, id int generated always as identity unique);
       insert into app.tags (tag) values ('x'), ('y');`,
      { TAGS: ["app.tags"] },
    );
    const backup = await fixture.backUp();
    const before = await fixture.contents();
    await fixture.sql`delete from app.tags`;
    await fixture.sql`insert into app.tags overriding system value values ('x', 2), ('y', 1)`;
    expect(summary((await fixture.restore(backup)).changes)).toEqual({ "app.tags": "0/2/0/0" });
    expect(await fixture.contents()).toEqual(before);
  });
});

describe("rows that cannot be there together", () => {
  it("are named in pairs by the preview, and refused by the restore", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    await fixture.sql`delete from app.users where id in (1, 4)`;
    await fixture.sql`update app.users set name = 'moved' where id = 2`;
    await fixture.sql`insert into app.users values (8, 'b'), (9, 'a'), (10, null)`;
    const before = await fixture.contents();
    for (const dryRun of [true, false]) {
      await expect(fixture.restore(backup, { dryRun })).rejects.toMatchObject({
        code: "UNIQUE_CONFLICT",
        message:
          "Nothing was changed. " +
          "app.users: the backup's row id = 1 cannot be beside the live row id = 9 (name = a, by users_name_key); " +
          "app.users: the backup's row id = 2 cannot be beside the live row id = 8 (name = b, by users_name_key).",
        details: {
          total: 2,
          conflicts: [
            { staged: "id = 1", other: "id = 9", otherIsLive: true },
            { staged: "id = 2", other: "id = 8", otherIsLive: true },
          ],
        },
      });
    }
    expect(await fixture.contents()).toEqual(before);
  });

  it("are counted all, and named as far as anybody reads", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    await fixture.sql`insert into app.users select g, 'user ' || g from generate_series(100, 159) g`;
    const backup = await fixture.backUp();
    await fixture.sql`update app.users set id = id + 1000 where id >= 100`;
    const refusal = fixture.restore(backup, { dryRun: true });
    await expect(refusal).rejects.toMatchObject({
      message: expect.stringMatching(/; and 40 more\.$/),
      details: { total: 60, conflicts: expect.objectContaining({ length: 20 }) },
    });
  });

  it("are found under a condition and an expression", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    await fixture.sql`create unique index first on app.users (lower(name), (place % 2)) where place < 10`;
    const backup = await fixture.backUp();
    await fixture.sql`delete from app.users where id in (1, 2)`;
    await fixture.sql`insert into app.users values (8, 'A', 12), (9, 'B', 6)`;
    await expect(fixture.restore(backup, { dryRun: true })).rejects.toMatchObject({
      details: { total: 1, conflicts: [{ constraint: "first", staged: "id = 2", other: "id = 9" }] },
    });
  });

  it("are found in a column that the database computes", async () => {
    await using fixture = await createFixture(
      `create schema app;
       create table app.pages (id int primary key, title text, slug text generated always as (lower(title)) stored unique);
       insert into app.pages values (1, 'One'), (2, 'Two');`,
      { PAGES: ["app.pages"] },
    );
    const backup = await fixture.backUp();
    await fixture.sql`delete from app.pages where id = 1`;
    await fixture.sql`insert into app.pages values (9, 'ONE')`;
    await expect(fixture.restore(backup, { dryRun: true })).rejects.toMatchObject({
      details: { total: 1, conflicts: [{ staged: "id = 1", other: "id = 9", values: "slug = one" }] },
    });
    const { changes } = await fixture.restore(backup, { mode: "REPLACE" });
    expect(summary(changes)).toEqual({ "app.pages": "1/0/1/1" });
  });

  it("are found by an exclusion constraint, in what it calls overlapping", async () => {
    await using fixture = await createFixture(
      `create schema app;
       create table app.bookings (id int primary key, during int4range,
         exclude using gist (during with &&) where (id < 100) deferrable initially deferred);
       insert into app.bookings values (1, '[1,5)'), (2, '[5,9)');`,
      { BOOKINGS: ["app.bookings"] },
    );
    const backup = await fixture.backUp();
    await fixture.sql`delete from app.bookings where id = 2`;
    await fixture.sql`insert into app.bookings values (3, '[8,12)'), (200, '[6,7)')`;
    for (const dryRun of [true, false]) {
      await expect(fixture.restore(backup, { dryRun })).rejects.toMatchObject({
        code: "UNIQUE_CONFLICT",
        details: { total: 1, conflicts: [{ staged: "id = 2", other: "id = 3", values: "during = [5,9)" }] },
      });
    }
    await fixture.restore(backup, { mode: "REPLACE" });
    expect(await fixture.sql`select id from app.bookings order by id`).toEqual([{ id: 1 }, { id: 2 }]);
  });

  it("are found among the backup's own rows where the live table has become stricter", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    await fixture.sql`insert into app.users values (5, 'e', 1), (6, 'f', 1), (7, 'g', null), (8, 'h', null)`;
    const backup = await fixture.backUp();
    await fixture.sql`delete from app.users`;
    await fixture.sql`alter table app.users add unique (place)`;
    await expect(fixture.restore(backup, { dryRun: true })).rejects.toMatchObject({
      details: {
        total: 2,
        conflicts: [{ staged: "id = 1", other: "id = 6", otherIsLive: false, values: "place = 1" }],
      },
    });
  });

  it("are found where a deferrable constraint would only be checked at the end", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    await fixture.sql`alter table app.users add constraint late unique (place) deferrable initially deferred`;
    const backup = await fixture.backUp();
    await fixture.sql`update app.users set id = 9 where id = 1`;
    await fixture.sql`update app.users set name = 'free' where id = 9`;
    for (const dryRun of [true, false]) {
      await expect(fixture.restore(backup, { dryRun })).rejects.toMatchObject({
        details: { total: 1, conflicts: [{ constraint: "late", staged: "id = 1", other: "id = 9" }] },
      });
    }
  });

  it("are found by what the database will put in columns that the backup does not have", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    await fixture.sql`delete from app.users where id in (1, 2)`;
    await fixture.sql
      .unsafe(`alter table app.users add tenant int not null default 7, drop constraint users_name_key;
      update app.users set tenant = 8 where id = 3; insert into app.users values (8, 'a', 1, 7), (9, 'b', 1, 6), (10, 'c', 1, 8);
      update app.users set name = 'd' where id = 3;
      alter table app.users add constraint per_tenant unique (tenant, name) deferrable`);
    const pairs = ["id = 10", "id = 8"].map((other) => ({
      constraint: "per_tenant",
      other,
      otherIsLive: true,
    }));
    await expect(fixture.restore(backup, { dryRun: true })).rejects.toMatchObject({
      details: {
        total: 2,
        conflicts: [
          { staged: "id = 1", values: "tenant = 7, name = a", ...pairs[1] },
          // It is there, and keeps its tenant.
          { staged: "id = 3", values: "tenant = 8, name = c", ...pairs[0] },
        ],
      },
    });
    await fixture.sql`delete from app.users where id in (8, 10)`;
    expect(summary((await fixture.restore(backup)).changes)).toEqual({ "app.users": "2/1/1/0" });
    expect(await fixture.sql`select tenant from app.users where id < 4 order by id`).toEqual([
      { tenant: 7 },
      { tenant: 7 },
      { tenant: 8 },
    ]);
  });

  it("are left to the database where the backup lacks a column, unless it would not look either", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    await fixture.sql`delete from app.users where id in (1, 2)`;
    await fixture.sql`alter table app.users add kind text default lower('PLAIN')`;
    await fixture.sql`update app.users set kind = 'special'`;
    await fixture.sql`create unique index kinds on app.users (kind) where kind = 'plain'`;
    const before = await fixture.contents();
    await expect(fixture.restore(backup)).rejects.toMatchObject({
      code: "UNIQUE_CONFLICT",
      details: { constraint: "kinds" },
    });
    expect(await fixture.contents()).toEqual(before);
    await fixture.sql`drop index app.kinds`;
    await fixture.sql`alter table app.users add constraint kinds unique (kind, id) deferrable`;
    await expect(fixture.restore(backup, { dryRun: true })).rejects.toMatchObject({
      code: "SCHEMA_DRIFT",
      message: expect.stringContaining("kinds"),
    });
  });
});

describe("nulls in unique columns", () => {
  it("collide only where the index says so", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    await fixture.sql`delete from app.users where id = 4`;
    await fixture.sql`insert into app.users values (9, null, 9)`;
    expect(summary((await fixture.restore(backup, { dryRun: true })).changes)).toEqual({
      "app.users": "1/0/3/0",
    });
    if ((await serverVersion()) < 150_000) return;
    await fixture.sql`create unique index strict on app.users (name, (place > 0)) nulls not distinct`;
    await expect(fixture.restore(backup, { dryRun: true })).rejects.toMatchObject({
      details: { total: 1, conflicts: [{ constraint: "strict", staged: "id = 4", other: "id = 9" }] },
    });
  });
});
