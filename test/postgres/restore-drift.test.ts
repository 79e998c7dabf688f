// Tables that have changed since the backup: what fits is restored, what does not is named before anything is loaded or changed.
import { describe, expect, it } from "vitest";
import { createFixture, summary } from "./restore-fixture.ts";

const DDL = `
  create schema app;
  create type app.mood as enum ('happy', 'sad');
  create table app.users (
    id int primary key, name varchar(10) not null, age smallint, mood app.mood,
    shout text generated always as (upper(name)) stored
  );
  insert into app.users values (1, 'ann', 30, 'happy'), (2, 'bob', null, 'sad');
`;
const ENTITIES = { USERS: ["app.users"] };

async function afterChange(ddl: string) {
  const fixture = await createFixture(DDL, ENTITIES);
  const backup = await fixture.backUp();
  await fixture.sql.unsafe(`delete from app.users; ${ddl}`);
  return { fixture, backup, [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose]() };
}

describe("a changed table takes the backup's rows", () => {
  it.each([
    [
      "with wider types",
      "alter table app.users drop shout, alter id type bigint, alter name type text, alter age type numeric",
    ],
    ["with another order of columns", "alter table app.users drop age, add age smallint"],
    ["without a column that was generated", "alter table app.users drop shout"],
    [
      "with a further column that is generated",
      "alter table app.users add twice int generated always as (id * 2) stored",
    ],
    ["with another enum value", "alter type app.mood add value 'calm'"],
    ["with a dropped column's place", "alter table app.users add junk int; alter table app.users drop junk"],
    ["with its key under another name", "alter table app.users rename constraint users_pkey to pk"],
    [
      "with another primary key, the old one still unique",
      "alter table app.users drop constraint users_pkey, add unique (id), add primary key (name)",
    ],
  ])("%s", async (_, ddl) => {
    await using changed = await afterChange(ddl);
    const { changes } = await changed.fixture.restore(changed.backup);
    expect(summary(changes)).toEqual({ "app.users": "2/0/0/0" });
    const again = await changed.fixture.restore(changed.backup);
    expect(summary(again.changes)).toEqual({ "app.users": "0/0/2/0" });
    expect(await changed.fixture.sql`select name, age::int, mood::text from app.users order by id`).toEqual([
      { name: "ann", age: 30, mood: "happy" },
      { name: "bob", age: null, mood: "sad" },
    ]);
  });
});

describe("a changed table is refused", () => {
  it.each([
    ["that lacks a column", "alter table app.users drop age", "app.users has no column age"],
    [
      "whose column is of another type",
      "alter table app.users alter age type boolean using age > 18",
      "app.users has age as boolean, where the backup has smallint",
    ],
    [
      "whose column is narrower",
      "alter table app.users drop shout, alter name type varchar(5)",
      "app.users has name as character varying(5), where the backup has character varying(10)",
    ],
    [
      "that computes what the backup has values for",
      "alter table app.users drop age, add age smallint generated always as (id) stored",
      "app.users computes the column age, which the backup has values for",
    ],
    [
      "that does not guard the key",
      "alter table app.users drop constraint users_pkey",
      "app.users has no unique index over (id), by which the backup's rows are told apart",
    ],
    [
      "that wants a value where the backup has none",
      "alter table app.users alter age set not null",
      "app.users wants a value in the column age, which is null in the backup",
    ],
    [
      "whose enum has lost a value",
      "alter table app.users drop mood; drop type app.mood; create type app.mood as enum ('happy'); alter table app.users add mood app.mood",
      "app.users does not take a value of the backup in the column mood (invalid input value for enum app.mood)",
    ],
  ])("%s", async (_, ddl, difference) => {
    await using changed = await afterChange(ddl);
    const before = await changed.fixture.contents();
    await expect(changed.fixture.restore(changed.backup, { dryRun: true })).rejects.toMatchObject({
      code: "SCHEMA_DRIFT",
      message: expect.stringContaining(difference),
    });
    expect(await changed.fixture.contents()).toEqual(before);
  });

  it("with all of the differences at once", async () => {
    await using changed = await afterChange("alter table app.users drop age, alter id type text");
    await expect(changed.fixture.restore(changed.backup)).rejects.toMatchObject({
      details: { differences: ["app.users has no column age"] },
    });
    await changed.fixture.sql`alter table app.users drop mood`;
    await expect(changed.fixture.restore(changed.backup)).rejects.toMatchObject({
      details: { differences: ["app.users has no column age", "app.users has no column mood"] },
    });
  });

  it("that refuses a value for the name of something that is not there", async () => {
    await using fixture = await createFixture(
      `create schema app; create table app.named (id int primary key, "of: what" regclass);
       create table app.thing (); insert into app.named values (1, 'app.thing')`,
      { NAMED: ["app.named"] },
    );
    const backup = await fixture.backUp();
    await fixture.sql`drop table app.thing`;
    await expect(fixture.restore(backup, { dryRun: true })).rejects.toMatchObject({
      code: "SCHEMA_DRIFT",
      message: expect.stringContaining('relation "app.thing" does not exist'),
    });
  });

  it("whose domain's check raises an error, without the value in the message", async () => {
    await using fixture = await createFixture(
      `create schema app; create domain app.code as text; create table app.codes (id int primary key, code app.code);
       insert into app.codes values (1, 'hunter2')`,
      { CODES: ["app.codes"] },
    );
    const backup = await fixture.backUp();
    await fixture.sql.unsafe(`delete from app.codes;
      create function app.vet(code text) returns boolean language plpgsql as
        'begin raise exception ''% is too short'', code; end';
      alter domain app.code add check (app.vet(value))`);
    const refusal = expect(fixture.restore(backup, { dryRun: true })).rejects;
    await refusal.toMatchObject({
      code: "SCHEMA_DRIFT",
      message: expect.stringMatching(
        /app\.codes does not take a value .* column code \(a check raised an error\)/,
      ),
    });
  });

  it("that is not there at all", async () => {
    await using changed = await afterChange("drop table app.users");
    await expect(changed.fixture.restore(changed.backup)).rejects.toMatchObject({ code: "TABLE_MISSING" });
  });
});
