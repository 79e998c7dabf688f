// Foreign keys: what is refused and how it is said, and that nothing beyond the chosen entities is ever touched.
import { describe, expect, it } from "vitest";
import { createFixture, serverVersion, summary, type RestoreFixture } from "./restore-fixture.ts";

const DDL = `
  create schema app;
  create table app.roles (id int primary key, name text unique);
  create table app.users (id int primary key, role_id int references app.roles on delete cascade, boss int references app.users);
  create table app.audits (id int primary key, user_id int not null references app.users on delete cascade, n int);
  create table app.links (id int primary key, role_name text references app.roles (name) on delete set null on update cascade);
  insert into app.roles values (1, 'admin'), (2, 'guest');
  insert into app.users values (1, 1, null), (2, 2, 1), (3, 2, 2);
  insert into app.audits values (1, 1, 0), (2, 2, 0), (3, 3, 0);
  insert into app.links values (1, 'admin'), (2, 'guest');
`;
const ENTITIES = { ROLES: ["app.roles"], USERS: ["app.users"], AUDITS: ["app.audits"] };

async function setLive({ sql }: RestoreFixture, statements: string): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx.unsafe(statements);
  });
}

describe("a row that would refer to nothing", () => {
  it("is refused with the entity to add, the constraint, the number of rows and an example", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    await setLive(
      fixture,
      "delete from app.users; delete from app.roles where id = 2; delete from app.links where id = 2",
    );
    const before = await fixture.contents();
    for (const dryRun of [true, false]) {
      await expect(fixture.restore(backup, { entities: ["USERS"], dryRun })).rejects.toMatchObject({
        code: "MISSING_REFERENCES",
        message:
          "Nothing was changed: 2 rows of app.users would refer by users_role_id_fkey to rows of app.roles that are not there, for example role_id = 2.",
        hint: "Add ROLES to the restore, or restore it first.",
        details: {
          entities: ["ROLES"],
          references: [
            {
              table: "app.users",
              constraint: "users_role_id_fkey",
              references: "app.roles",
              entity: "ROLES",
              rows: 2,
              example: "role_id = 2",
            },
          ],
        },
      });
    }
    expect(await fixture.contents()).toEqual(before);
    await fixture.restore(backup, { entities: ["USERS", "ROLES"] });
    expect(await fixture.sql`select count(*)::int as n from app.users`).toEqual([{ n: 3 }]);
  });

  it("is named for every foreign key at once", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    await setLive(fixture, "truncate app.users, app.roles, app.audits, app.links");
    await expect(fixture.restore(backup, { entities: ["USERS", "AUDITS"] })).rejects.toMatchObject({
      details: { entities: ["ROLES"] },
    });
    await expect(fixture.restore(backup, { entities: ["AUDITS"] })).rejects.toMatchObject({
      details: { entities: ["USERS"] },
    });
  });

  it("is also one of a backup that was taken before there was a foreign key to hold it", async () => {
    await using fixture = await createFixture(
      `create schema app; create table app.a (id int primary key); create table app.b (id int primary key, a int);
       insert into app.a values (1); insert into app.b values (1, 1), (2, 2);`,
      { A: ["app.a"], B: ["app.b"] },
    );
    const backup = await fixture.backUp();
    await fixture.sql`delete from app.b`;
    await fixture.sql`insert into app.a values (2)`;
    await fixture.sql`alter table app.b add foreign key (a) references app.a`;
    // The row that it needs is live, and is deleted by the same restore.
    await expect(fixture.restore(backup, { mode: "REPLACE" })).rejects.toMatchObject({
      code: "MISSING_REFERENCES",
      details: { entities: [], references: [{ table: "app.b", rows: 1, example: "a = 2" }] },
    });
    await fixture.restore(backup);
  });

  it("is also one whose key the database computes", async () => {
    await using fixture = await createFixture(
      `create schema app; create table app.a (id int primary key);
       create table app.b (id int primary key, n int, a int generated always as (n * 10) stored references app.a);
       insert into app.a values (10), (20); insert into app.b values (1, 1), (2, 2);`,
      { B: ["app.b"] },
    );
    const backup = await fixture.backUp();
    await fixture.sql`delete from app.b`;
    await fixture.sql`delete from app.a where id = 20`;
    await expect(fixture.restore(backup, { dryRun: true })).rejects.toMatchObject({
      code: "MISSING_REFERENCES",
      details: { references: [{ table: "app.b", references: "app.a", rows: 1, example: "a = 20" }] },
    });
    await fixture.sql`insert into app.a values (20)`;
    await fixture.restore(backup);
    expect(await fixture.sql`select a from app.b order by id`).toEqual([{ a: 10 }, { a: 20 }]);
  });

  it("is also one whose key is null in part, under MATCH FULL", async () => {
    await using fixture = await createFixture(
      `create schema app;
       create table app.pairs (a int, b int, primary key (a, b));
       create table app.uses (id int primary key, a int, b int);
       insert into app.uses values (1, null, 5);`,
      { USES: ["app.uses"] },
    );
    const backup = await fixture.backUp();
    await fixture.sql`delete from app.uses`;
    await fixture.sql`alter table app.uses add foreign key (a, b) references app.pairs match full`;
    await expect(fixture.restore(backup)).rejects.toMatchObject({ code: "MISSING_REFERENCES" });
    await fixture.sql`alter table app.uses drop constraint uses_a_b_fkey, add foreign key (a, b) references app.pairs`;
    await fixture.restore(backup);
    expect(await fixture.sql`select b from app.uses`).toEqual([{ b: 5 }]);
  });
});

describe("a live row that would lose what it refers to", () => {
  it("is refused with its entity, and nothing cascades", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    await setLive(fixture, "delete from app.audits where user_id = 3; delete from app.users where id = 3");
    const backup = await fixture.backUp();
    await fixture.sql`insert into app.users values (3, 2, 2)`;
    await fixture.sql`insert into app.audits values (3, 3, 0), (4, 3, 0)`;
    const before = await fixture.contents();
    await expect(fixture.restore(backup, { entities: ["USERS"], mode: "REPLACE" })).rejects.toMatchObject({
      code: "STILL_REFERENCED",
      message: expect.stringContaining("2 rows of app.audits still refer by audits_user_id_fkey"),
      hint: "Add AUDITS to the restore, or use MERGE, which deletes nothing.",
      details: { entities: ["AUDITS"] },
    });
    expect(await fixture.contents()).toEqual(before);
    const { changes } = await fixture.restore(backup, { entities: ["USERS", "AUDITS"], mode: "REPLACE" });
    expect(summary(changes)).toEqual({ "app.users": "0/0/2/1", "app.audits": "0/0/2/2" });
  });

  it("is named by its table where no entity has it", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    await setLive(
      fixture,
      "delete from app.links where id = 1; update app.roles set name = 'root' where id = 1",
    );
    const backup = await fixture.backUp();
    await setLive(
      fixture,
      "update app.roles set name = 'admin' where id = 1; insert into app.links values (1, 'admin')",
    );
    const before = await fixture.contents();
    await expect(fixture.restore(backup, { entities: ["ROLES"] })).rejects.toMatchObject({
      code: "STILL_REFERENCED",
      message: expect.stringContaining("app.links"),
      details: { entities: [] },
    });
    expect(await fixture.contents()).toEqual(before);
  });
});

describe.each(["a superuser", "the tables' plain owner"])("a restore by %s", (role) => {
  it("touches no row of other tables, whatever their foreign keys cascade, and leaves the constraints as they were", async () => {
    await using fixture = await createFixture(
      `${DDL} alter table app.audits drop constraint audits_user_id_fkey, add constraint "who did it"
         foreign key (user_id) references app.users on delete cascade deferrable initially deferred not valid;
       comment on constraint "who did it" on app.audits is 'a''s \\ comment';`,
      ENTITIES,
    );
    const backup = await fixture.backUp();
    const database = role === "a superuser" ? fixture.database : await fixture.asOwner();
    const constraints = () =>
      fixture.sql`select conrelid::regclass::text as t, conname, pg_get_constraintdef(oid) as def, convalidated,
        obj_description(oid, 'pg_constraint') as comment from pg_constraint where contype = 'f' order by 1, 2`;
    const definitions = await constraints();
    // Both names are taken: each row has to go before the other comes.
    await setLive(
      fixture,
      `
      update app.roles set name = '' where id = 1; update app.roles set name = 'admin' where id = 2;
      update app.roles set name = 'guest' where id = 1; update app.users set boss = 3 where id = 1; update app.audits set n = 5;
      insert into app.users values (4, 1, null)`,
    );
    const before = await fixture.contents();
    const { changes } = await fixture.restore(backup, {
      entities: ["ROLES", "USERS"],
      mode: "REPLACE",
      database,
    });
    expect(summary(changes)).toEqual({ "app.roles": "0/2/0/0", "app.users": "0/1/2/1" });
    const after = await fixture.contents();
    expect(after["app.audits"]).toEqual(before["app.audits"]);
    expect(after["app.links"]).toEqual(before["app.links"]);
    expect(await constraints()).toEqual(definitions);
    await expect(fixture.sql`insert into app.users values (9, 9)`).rejects.toThrow(/users_role_id_fkey/);
  });

  it("has the database check a key over a column that the backup does not have", async () => {
    await using fixture = await createFixture(DDL, { USERS: ["app.users"] });
    const backup = await fixture.backUp();
    const database = role === "a superuser" ? fixture.database : await fixture.asOwner();
    await fixture.sql`create table app.tenants (id int primary key)`;
    await fixture.sql`insert into app.tenants values (1)`;
    await fixture.sql`alter table app.users add tenant_id int default 1 references app.tenants`;
    await fixture.sql.unsafe(
      `grant all on app.tenants to public; do $$ begin execute format('alter table app.tenants owner to %I',
        (select relowner::regrole::text from pg_class where oid = 'app.users'::regclass)); end $$`,
    );
    await fixture.sql`delete from app.users where id = 3`;
    await fixture.restore(backup, { database });
    expect(await fixture.sql`select tenant_id from app.users where id = 3`).toEqual([{ tenant_id: 1 }]);

    await fixture.sql`delete from app.users where id = 3`;
    await fixture.sql`alter table app.users alter tenant_id set default 99`;
    const before = await fixture.contents();
    await expect(fixture.restore(backup, { database })).rejects.toMatchObject({
      code: "CONSTRAINT_VIOLATED",
    });
    expect(await fixture.contents()).toEqual(before);

    await fixture.sql`alter table app.users alter tenant_id drop default`;
    await fixture.restore(backup, { database });
    expect(await fixture.sql`select tenant_id from app.users where id = 3`).toEqual([{ tenant_id: null }]);
  });
});

describe("keys that hold for a time (PostgreSQL 18)", () => {
  const ddl = `
    create schema app;
    create table app.rooms (room int4range, during daterange, name text, primary key (room, during without overlaps));
    create table app.stays (id int primary key, room int4range, during daterange,
      foreign key (room, period during) references app.rooms (room, period during));
    insert into app.rooms values ('[1,2)', '[2026-01-01,2026-06-01)', 'a'), ('[1,2)', '[2026-06-01,2026-12-01)', 'b');
    insert into app.stays values (1, '[1,2)', '[2026-05-01,2026-07-01)');
  `;

  it.each(["a superuser", "the tables' plain owner"])(
    "match rows, and are checked by the database, for %s",
    async (role) => {
      if ((await serverVersion()) < 180_000) return;
      await using fixture = await createFixture(ddl, { ROOMS: ["app.rooms"], STAYS: ["app.stays"] });
      const database = role === "a superuser" ? fixture.database : await fixture.asOwner();
      const backup = await fixture.backUp();
      const before = await fixture.contents();
      await fixture.sql`update app.rooms set name = 'changed' where name = 'b'`;
      await fixture.sql`delete from app.stays`;
      const { changes } = await fixture.restore(backup, { database });
      expect(summary(changes)).toEqual({ "app.rooms": "0/1/1/0", "app.stays": "1/0/0/0" });
      expect(await fixture.contents()).toEqual(before);

      await fixture.sql`delete from app.stays`;
      await fixture.sql`update app.rooms set during = '[2026-06-02,2026-12-01)' where name = 'b'`;
      const damaged = await fixture.contents();
      await expect(fixture.restore(backup, { database, dryRun: true })).rejects.toMatchObject({
        code: "UNIQUE_CONFLICT",
        details: { total: 1, conflicts: [{ constraint: "rooms_pkey" }] },
      });
      const alone = fixture.restore(backup, { database, entities: ["STAYS"] });
      await expect(alone).rejects.toMatchObject({ code: "CONSTRAINT_VIOLATED" });
      expect(await fixture.contents()).toEqual(damaged);
      await fixture.restore(backup, { database, mode: "REPLACE" });
      expect(await fixture.contents()).toEqual(before);
    },
  );
});
