// What a preview shows beside its counts: a few of the rows, and what stands in the way of the restore.
import { afterAll, beforeAll, expect, it } from "vitest";
import { conflictsOf } from "../../src/engine/restore-conflicts.ts";
import { openDatabases, type SeveralDatabases } from "./several-databases.ts";

let world: SeveralDatabases;
let artifactId: string;
beforeAll(async () => {
  world = await openDatabases({
    app: {
      ddl: `create table app.groups (id int primary key, name text unique);
        create table app.members (id int primary key, team int references app.groups, amount numeric, note text);
        create table app.words (word text);
        insert into app.groups values (1, 'a'), (2, 'b'), (3, 'c');
        insert into app.members select n, 1 + n % 3, n, repeat('x', 250) from generate_series(1, 9) n;
        insert into app.words values ('one')`,
      entities: { GROUPS: ["groups"], MEMBERS: ["members"], WORDS: ["words"] },
    },
  });
  artifactId = await world.backUp();
  await world.sql("app").unsafe(`
    delete from app.members where id > 4; insert into app.members values (99, null, 0, null);
    update app.members set amount = 1.0, note = repeat('x', 249) || 'y' where id = 1; insert into app.words values ('two')`);
});
afterAll(() => world[Symbol.asyncDispose]());

const preview = (sampleRows?: number) =>
  world.restore(artifactId, {
    mode: "REPLACE",
    dryRun: true,
    entities: ["MEMBERS", "WORDS"],
    ...(sampleRows !== undefined && { sampleRows }),
  });

it("shows as many rows of each kind as were asked for, with what was and what would be", async () => {
  const { changes, plan } = await preview(2);
  const [members, words] = changes.map(({ samples }) => samples ?? []);
  expect(members?.map(({ kind }) => kind)).toEqual(["INSERTED", "INSERTED", "UPDATED", "DELETED"]);
  const [inserted, , updated, deleted] = members ?? [];
  const long = `${"x".repeat(200)}…`;
  expect(inserted?.columns).toEqual([
    { column: "id", before: null, after: "5", changed: true },
    { column: "team", before: null, after: "3", changed: true },
    { column: "amount", before: null, after: "5", changed: true },
    { column: "note", before: null, after: long, changed: true },
  ]);
  // 1.0 is not 1 as it is printed, and what differs may be beyond what is shown.
  expect(updated?.columns).toEqual([
    { column: "id", before: "1", after: "1", changed: false },
    { column: "team", before: "2", after: "2", changed: false },
    { column: "amount", before: "1.0", after: "1", changed: true },
    { column: "note", before: long, after: long, changed: true },
  ]);
  expect(deleted?.columns.map(({ before, after }) => [before, after])).toEqual([
    ["99", null],
    [null, null],
    ["0", null],
    [null, null],
  ]);
  expect(words).toEqual([
    { kind: "DELETED", columns: [{ column: "word", before: "two", after: null, changed: true }] },
  ]);
  const without = await preview();
  expect(without.plan).toBe(plan);
  expect(without.changes.every((change) => !("samples" in change))).toBe(true);
});

it("gives conflicts as a list, with the entity of each", async () => {
  const sql = world.sql("app");
  await sql`insert into app.groups values (9, 'z')`;
  await sql`update app.groups set name = 'zz' where id = 1`;
  await sql`update app.groups set name = 'a' where id = 9`;
  const unique = await world.restore(artifactId, { entities: ["GROUPS"], dryRun: true }).catch(conflictsOf);
  expect(unique).toEqual([
    {
      kind: "UNIQUE",
      ...{
        entity: "GROUPS",
        table: "app.groups",
        constraint: "groups_name_key",
        rows: 1,
        values: "name = a",
      },
      ...{ row: "id = 1", other: "id = 9", otherIsLive: true, references: null, add: null },
    },
  ]);
  await sql`update app.members set team = null`;
  await sql`delete from app.groups where id = 2`;
  const missing = await world.restore(artifactId, { entities: ["MEMBERS"], dryRun: true }).catch(conflictsOf);
  expect(missing).toEqual([
    {
      kind: "MISSING_REFERENCE",
      ...{
        entity: "MEMBERS",
        table: "app.members",
        constraint: "members_team_fkey",
        rows: 3,
        values: "team = 2",
      },
      ...{ row: null, other: null, otherIsLive: null, references: "app.groups", add: "GROUPS" },
    },
  ]);
  await sql`update app.members set team = 9 where id = 99`;
  const still = await world
    .restore(artifactId, { entities: ["GROUPS"], mode: "REPLACE", dryRun: true })
    .catch(conflictsOf);
  expect(still).toMatchObject([{ kind: "STILL_REFERENCED", entity: "MEMBERS", rows: 1, add: "MEMBERS" }]);
  expect(conflictsOf(new Error("another"))).toBeUndefined();
});
