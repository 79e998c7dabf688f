// Triggers and rules: none runs during a restore, and each is afterwards what it was before.
import { describe, expect, it } from "vitest";
import { createFixture, summary, type RestoreFixture } from "./restore-fixture.ts";

/** Every kind of state; each trigger leaves a trace, and `touch` rewrites the row as well. */
const DDL = `
  create schema app;
  create table app.trace (what text);
  create function app.touch() returns trigger language plpgsql as $$
    begin new.updated_at = now(); insert into app.trace values (tg_name || ' ' || tg_op); return new; end $$;
  create function app.note() returns trigger language plpgsql as $$
    begin insert into app.trace values (tg_name || ' ' || tg_op); return null; end $$;
  create table app.items (id int primary key, name text unique, updated_at timestamptz not null default '2026-01-01');
  insert into app.items select g, 'item ' || g from generate_series(1, 6) g;
  create trigger touch before insert or update on app.items for each row execute function app.touch();
  create trigger always before insert or update on app.items for each row execute function app.touch();
  create trigger replica after insert or update or delete on app.items for each row execute function app.note();
  create trigger disabled after insert or update or delete on app.items for each row execute function app.note();
  create trigger statement after insert or update or delete on app.items execute function app.note();
  create constraint trigger late after insert or update or delete on app.items initially deferred
    for each row execute function app.note();
  alter table app.items enable always trigger always, enable replica trigger replica, disable trigger disabled;
  create table app.parts (id int primary key, name text) partition by range (id);
  create table app.parts_1 partition of app.parts for values from (0) to (10);
  create table app.parts_2 partition of app.parts for values from (10) to (20);
  insert into app.parts select g, 'part ' || g from generate_series(1, 12) g;
  create trigger each after insert or update or delete on app.parts for each row execute function app.note();
  alter table app.parts_1 enable always trigger each;
  alter table app.parts_2 disable trigger each;
  create table app.ruled (id int primary key, name text);
  insert into app.ruled values (1, 'one');
  create rule forward as on insert to app.ruled do also insert into app.trace values ('rule');
  create rule always as on update to app.ruled do instead nothing;
  alter table app.ruled enable always rule always;
`;
const ENTITIES = { ITEMS: ["app.items"], PARTS: ["app.parts"], RULED: ["app.ruled"] };

async function damage({ sql }: RestoreFixture): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`alter table app.items disable trigger all`;
    await tx`alter table app.parts disable trigger all`;
    await tx`alter table app.ruled disable rule always`;
    await tx`delete from app.items where id = 1`;
    await tx`update app.items set name = 'changed', updated_at = '2026-02-02' where id = 2`;
    await tx`insert into app.items (id, name) values (7, 'later')`;
    await tx`delete from app.parts where id in (1, 11)`;
    await tx`update app.parts set name = 'changed' where id in (2, 12)`;
    await tx`update app.ruled set name = 'changed'`;
    await tx`alter table app.ruled enable always rule always`;
    await tx`alter table app.items enable trigger all, enable always trigger always`;
    await tx`alter table app.items enable replica trigger replica, disable trigger disabled`;
    await tx`alter table app.parts enable trigger all`;
    await tx`alter table app.parts_1 enable always trigger each`;
    await tx`alter table app.parts_2 disable trigger each`;
  });
}

async function states({ sql }: RestoreFixture): Promise<string[]> {
  const rows = await sql<{ state: string }[]>`
    select tgrelid::regclass || ' ' || tgname || ' ' || tgenabled::text as state from pg_trigger where not tgisinternal
    union all select ev_class::regclass || ' ' || rulename || ' ' || ev_enabled::text from pg_rewrite where rulename <> '_RETURN'
      and ev_class::regclass::text like 'app.%' order by 1`;
  return rows.map((row) => row.state);
}

describe.each(["a superuser", "the tables' plain owner"])("a restore by %s", (role) => {
  it("runs no trigger and no rule, and leaves each in its state", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    const before = await fixture.contents();
    const statesBefore = await states(fixture);
    await damage(fixture);
    expect(await states(fixture)).toEqual(statesBefore);

    const database = role === "a superuser" ? fixture.database : await fixture.asOwner();
    const { changes } = await fixture.restore(backup, { mode: "REPLACE", database });
    expect(summary(changes)).toEqual({
      "app.items": "1/1/4/1",
      "app.parts": "2/2/8/0",
      "app.ruled": "0/1/0/0",
    });
    expect(await fixture.contents()).toEqual(before);
    expect(await states(fixture)).toEqual(statesBefore);
    // They are not only listed: they work.
    await fixture.sql`update app.items set name = 'again' where id = 3`;
    const trace = await fixture.sql<{ what: string }[]>`select what from app.trace order by what`;
    expect(trace.map((row) => row.what)).toEqual([
      "always UPDATE",
      "late UPDATE",
      "statement UPDATE",
      "touch UPDATE",
    ]);
  });
});

describe("a restore by the tables' plain owner", () => {
  it("is refused where a table with a trigger that would fire belongs to somebody else, and changes nothing", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    await damage(fixture);
    const database = await fixture.asOwner(["app.items"]);
    await fixture.sql`grant all on app.items to public`;
    const before = await fixture.contents();
    await expect(fixture.restore(backup, { database })).rejects.toMatchObject({ code: "DATABASE_DENIED" });
    expect(await fixture.contents()).toEqual(before);
  });
});
