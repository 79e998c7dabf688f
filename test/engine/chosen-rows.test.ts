// Rows that somebody wants back: by key or by columns, with what belongs to them, and nothing else.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { RowSelection, TableChanges } from "../../src/core/run.ts";
import { openDatabases, type SeveralDatabases } from "./several-databases.ts";

const DDL = `
  create type app.mood as enum ('sad', 'fine');
  create domain app.tag as varchar(4) collate "C" check (value <> '');
  create table app.roles (id int primary key, name text unique);
  create table app.people (id int primary key, email text unique, token uuid, at timestamptz, amount numeric(8,2), mark char(3),
    short varchar(3), doc json, mood app.mood, tag app.tag, spot point, many int[], boss int references app.people,
    upper_email text generated always as (upper(email)) stored);
  create table app.people_roles (person int references app.people, role bigint references app.roles, primary key (person, role));
  create table app.posts (id int primary key, author bigint not null references app.people, title text);
  create table app.comments (id int primary key, post int references app.posts, answers int references app.comments, body text);
  create table app.lines (a int, b text, n int, primary key (a, b));
  create table app.notes (word text);
  insert into app.roles values (1, 'admin'), (2, 'guest');
  insert into app.people (id, email, token, at, amount, mark, short, doc, mood, tag, spot, many, boss) values
    (1, 'ann@a.b', '0b2f8f60-6a10-4b1f-9a0e-000000000001', '2026-01-01 12:00+00', 10.50, 'a', 'abc', '{"a": 1}', 'sad', 't', '(1,2)', '{1,2}', null),
    (2, 'bob@a.b', '0b2f8f60-6a10-4b1f-9a0e-000000000002', '2026-01-02 12:00+00', 11, 'b', 'b', null, 'fine', 'T', '(2,2)', '{2}', 1),
    (3, 'a,"b"=c', null, null, null, null, null, null, 'fine', null, null, null, 2);
  insert into app.people_roles values (1, 1), (2, 1), (2, 2), (3, 2);
  insert into app.posts values (10, 1, 'by ann'), (20, 2, 'by bob'), (21, 2, 'by bob, again'), (30, 3, 'by cleo');
  insert into app.comments values (100, 10, null, 'x'), (200, 20, null, 'on bob'), (201, null, 200, 'an answer'),
    (202, null, 201, 'an answer to that'), (300, 30, 100, 'on cleo, to ann'), (301, 30, null, 'on cleo');
  insert into app.lines values (7, '3', 1), (7, 'a,b', 2), (8, '"', 3);
  insert into app.notes values ('one'), ('one'), ('two');
`;
const ENTITIES = {
  PEOPLE: ["people", "people_roles", "posts", "comments"],
  ROLES: ["roles"],
  LINES: ["lines"],
  NOTES: ["notes"],
};
const DAMAGE = `
  set session_replication_role = replica;
  update app.comments set body = 'damaged'; update app.posts set title = 'damaged'; update app.people set amount = 0;
  delete from app.comments where id in (201, 202); delete from app.posts where author = 2; delete from app.people_roles;
  delete from app.people where id = 2; delete from app.lines; delete from app.notes;
  reset session_replication_role`;

const changed = (changes: readonly TableChanges[]) =>
  Object.fromEntries(
    changes
      .filter(({ inserted, updated, unchanged, deleted }) => inserted + updated + unchanged + deleted > 0)
      .map(({ table, inserted, updated, unchanged }) => [table, [inserted, updated, unchanged]]),
  );

let world: SeveralDatabases;
let artifactId: string;
let pristine: Record<string, string[]>;
beforeAll(async () => {
  world = await openDatabases({ app: { ddl: DDL, entities: ENTITIES } });
  artifactId = await world.backUp();
  pristine = await world.contents();
});
afterAll(() => world[Symbol.asyncDispose]());
beforeEach(async () => {
  await world.restore(artifactId, { mode: "REPLACE" });
  await world.sql("app").unsafe(DAMAGE);
});

const people = (...keys: string[]): RowSelection => ({ entity: "PEOPLE", keys });
const where = (match: Record<string, string>, entity = "PEOPLE"): RowSelection => ({
  entity,
  match: Object.entries(match).map(([column, equals]) => ({ column, equals })),
});
const preview = (...rows: RowSelection[]) => world.restore(artifactId, { rows, dryRun: true });

describe("a chosen row", () => {
  it("comes back with the rows that belong to it through however many tables, and nothing else is touched", async () => {
    const before = await world.contents();
    const { changes } = await world.restore(artifactId, { rows: [people("2")] });
    expect(changed(changes)).toEqual({
      "app.people": [1, 0, 0],
      "app.people_roles": [2, 0, 0],
      "app.posts": [2, 0, 0],
      "app.comments": [2, 1, 0],
    });
    const after = await world.contents();
    const back = (table: string, pattern: RegExp) =>
      pristine[`app:${table}`]?.filter((row) => pattern.test(row)) ?? [];
    const kept = (table: string, pattern: RegExp) =>
      before[`app:${table}`]?.filter((row) => !pattern.test(row)) ?? [];
    for (const [table, pattern] of [
      ["people", /^\(2,/],
      ["people_roles", /^\(2,/],
      ["posts", /^\(2[01],/],
      ["comments", /^\(20\d,/],
      ["lines", /^$/],
      ["roles", /^$/],
    ] as const) {
      const expected = [...kept(table, pattern), ...back(table, pattern)].toSorted();
      expect(after[`app:${table}`]?.toSorted()).toEqual(expected);
    }
  });

  it("is previewed as it is then restored, under a plan that is its own", async () => {
    const found = await preview(people("2"));
    expect((await preview(people("2", "2"), people("2"))).plan).toBe(found.plan);
    const others = [await preview(people("2", "1")), await preview(where({ id: "2" }))];
    expect(others.map(({ plan }) => plan)).not.toContain(found.plan);
    const wrong = world.restore(artifactId, { rows: [people("1")], expectPlan: found.plan });
    await expect(wrong).rejects.toMatchObject({ code: "PLAN_CHANGED" });
    expect(await world.restore(artifactId, { rows: [people("2")], expectPlan: found.plan })).toEqual(found);
  });

  it("is not overwritten with INSERT_MISSING", async () => {
    const { changes } = await world.restore(artifactId, { rows: [people("1", "2")], mode: "INSERT_MISSING" });
    expect(changed(changes)).toMatchObject({ "app.people": [1, 0, 1], "app.comments": [2, 0, 3] });
  });

  it("cannot be had with REPLACE", async () => {
    const refused = world.restore(artifactId, { rows: [people("2")], mode: "REPLACE" });
    await expect(refused).rejects.toMatchObject({
      code: "BAD_INPUT",
      message: expect.stringMatching(/REPLACE/),
    });
  });

  it("is one of several, each by its own selector, and may be beside whole entities", async () => {
    const rows = [people("1"), where({ id: "2" }), { entity: "LINES", keys: ["7,3"] }];
    const { changes } = await world.restore(artifactId, { rows, entities: ["NOTES", "PEOPLE"] });
    expect(changed(changes)).toMatchObject({
      "app.people": [1, 1, 0],
      "app.lines": [1, 0, 0],
      "app.notes": [3, 0, 0],
    });
    expect(changes.map(({ table }) => table)).not.toContain("app.roles");
  });

  it("is found by what its columns' types take for the same", async () => {
    const selections = [
      people("002"),
      where({ token: "{0B2F8F606A104B1F9A0E000000000002}" }),
      where({ at: "2026-01-02T13:00:00+01:00" }),
      where({ amount: "11.000" }),
      where({ mark: "b  " }),
      where({ mood: "fine", email: "bob@a.b" }),
      where({ tag: "T" }),
      where({ spot: "(2.0, 2)" }),
      where({ many: "{ 2 }" }),
      { ...people("2", "2"), match: [{ column: "boss", equals: "1" }] },
    ];
    for (const selection of selections)
      expect(changed((await preview(selection)).changes)).toMatchObject({ "app.people": [1, 0, 0] });
  });

  it("may have anything in its key", async () => {
    const rows = ['7,"a,b"', '8,""""', "7,3"].map((key) => ({ entity: "LINES", keys: [key] }));
    expect(changed((await preview(...rows)).changes)).toEqual({ "app.lines": [3, 0, 0] });
    const { changes } = await preview(where({ email: 'a,"b"=c' }), people("2"));
    expect(changed(changes)).toMatchObject({ "app.people": [1, 1, 0] });
  });

  it("comes back although others could not be loaded any more: they are not", async () => {
    const { plan } = await preview(people("2"));
    await world.sql("app")`update app.people set token = gen_random_uuid()`;
    await world.sql("app")`alter table app.people alter token set not null`;
    await expect(world.restore(artifactId, { entities: ["PEOPLE"], dryRun: true })).rejects.toBeDefined();
    const found = await preview(people("2"));
    await world.sql("app")`alter table app.people alter token drop not null`;
    expect(found.plan).toBe(plan);
  });

  it("of a table without a key is every row that is equal", async () => {
    expect(changed((await preview(where({ word: "one" }, "NOTES"))).changes)).toEqual({
      "app.notes": [2, 0, 0],
    });
    await expect(preview({ entity: "NOTES", keys: ["one"] })).rejects.toMatchObject({
      code: "BAD_INPUT",
      message: "notes:one: app.notes has no key to choose rows by.",
    });
  });
});

describe("a selector", () => {
  it("that finds nothing is named, however many others find something, and nothing is changed", async () => {
    const before = await world.contents();
    const rows = [people("1", "9"), where({ email: "nobody", mood: "sad" }), where({ short: "abcd" })];
    const refused = world.restore(artifactId, { rows });
    await expect(refused).rejects.toMatchObject({
      code: "ROWS_NOT_IN_BACKUP",
      message: expect.stringContaining("people:9"),
      details: {
        total: 3,
        selectors: expect.arrayContaining(["people:email=nobody,mood=sad", "people:short=abcd"]),
      },
    });
    expect(await world.contents()).toEqual(before);
    expect(await world.leftovers()).toEqual([]);
  });

  it.each([
    [people("1", "abc"), /people:abc: "abc" is no value of type integer, which id of app\.people has/],
    [people("99999999999"), /no value of type integer/],
    [where({ token: "not-a-uuid" }), /no value of type uuid, which token/],
    [where({ mood: "merry" }), /no value of type app\.mood/],
    [where({ amount: "much" }), /no value of type numeric/],
    [{ entity: "LINES", keys: ["7"] }, /the key of app\.lines has the columns a,b/],
    [where({ upper_email: "ANN@A.B" }), /computes the column upper_email/],
  ])("that the table's types cannot read is BAD_INPUT: %#", async (selection, message) => {
    await expect(preview(selection)).rejects.toMatchObject({
      code: "BAD_INPUT",
      message: expect.stringMatching(message),
    });
  });

  it("of a column that there is not says which one is nearest", async () => {
    await expect(preview(where({ emial: "x" }))).rejects.toMatchObject({
      code: "BAD_INPUT",
      message: "people:emial=x: app.people has no column emial.",
      hint: expect.stringMatching(/^Did you mean email\?/),
    });
  });
});

describe("a row that a chosen one refers to", () => {
  it("has to be there: in the same table, where it can be chosen too", async () => {
    await expect(preview(people("3"))).rejects.toMatchObject({
      code: "MISSING_REFERENCES",
      message: expect.stringContaining("boss = 2"),
      hint: expect.stringContaining("--only people:id=2"),
    });
    expect(changed((await preview(people("3", "2"))).changes)).toMatchObject({ "app.people": [1, 1, 0] });
  });

  it("has to be there: in another entity, whose rows can be chosen too", async () => {
    await world.sql("app").unsafe("delete from app.roles where id = 2");
    const before = await world.contents();
    for (const dryRun of [true, false]) {
      await expect(world.restore(artifactId, { rows: [people("2")], dryRun })).rejects.toMatchObject({
        code: "MISSING_REFERENCES",
        message: expect.stringContaining("1 row of app.people_roles"),
        hint: "Choose the rows that are referred to as well, as with --only roles:id=2; or restore ROLES first.",
        details: { entities: ["ROLES"] },
      });
    }
    expect(await world.contents()).toEqual(before);
    await world.restore(artifactId, { rows: [people("2"), { entity: "ROLES", keys: ["2"] }] });
  });
});
