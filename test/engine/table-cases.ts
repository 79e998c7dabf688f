// Tables of every kind, with what happens to them between a backup and its restore. All of them fit into one database.
import type { TableName } from "../../src/core/catalog.ts";
import type { RestoreMode } from "../../src/core/run.ts";

export interface TableCase {
  readonly title: string;
  /** Makes the tables and fills them. */
  readonly ddl: string;
  /** Those that are backed up. */
  readonly tables: readonly (string | TableName)[];
  /** After which a restore in that mode brings everything back as it was. */
  readonly damage: Readonly<Record<RestoreMode, string>>;
  /** The oldest version that has such tables. */
  readonly since?: number;
}

const LONG = "ü".repeat(30);

export const TABLE_CASES: readonly TableCase[] = [
  {
    title: "partitioned by range, with columns in another order in a partition, and a default",
    ddl: `create table app.logs (id int, at date, v text, primary key (id, at)) partition by range (at);
      create table app.logs_1 partition of app.logs for values from ('2020-01-01') to ('2021-01-01');
      create table app.logs_2 (junk text, v text, at date not null, id int not null);
      alter table app.logs_2 drop junk;
      alter table app.logs attach partition app.logs_2 for values from ('2021-01-01') to ('2022-01-01');
      create table app.logs_rest partition of app.logs default;
      insert into app.logs select i, date '2019-06-01' + i * 10, 'v' || i from generate_series(1, 150) i`,
    tables: ["app.logs"],
    damage: {
      MERGE: "delete from app.logs where id % 3 = 0; update app.logs set v = 'x' where id % 3 = 1",
      REPLACE: "update app.logs set at = at + 400",
      INSERT_MISSING: "truncate app.logs",
    },
  },
  {
    title: "partitioned by list without a key, with rows that are in another partition by now",
    ddl: `create table app.tags (id int, v text) partition by list (v);
      create table app.tags_a partition of app.tags for values in ('a');
      create table app.tags_b partition of app.tags for values in ('b', null);
      insert into app.tags values (1, 'a'), (2, 'b'), (3, null), (3, null)`,
    tables: ["app.tags"],
    damage: {
      MERGE: "delete from app.tags where id = 3",
      REPLACE: "update app.tags set v = case v when 'a' then 'b' else 'a' end",
      INSERT_MISSING: "delete from app.tags",
    },
  },
  {
    title: "partitioned by hash and then by range",
    ddl: `create table app.deep (id bigint primary key, v text) partition by hash (id);
      create table app.deep_0 partition of app.deep for values with (modulus 2, remainder 0);
      create table app.deep_1 partition of app.deep for values with (modulus 2, remainder 1) partition by range (id);
      create table app.deep_1a partition of app.deep_1 for values from (0) to (50);
      create table app.deep_1b partition of app.deep_1 default;
      insert into app.deep select i, 'v' from generate_series(1, 100) i`,
    tables: ["app.deep"],
    damage: {
      MERGE: "delete from app.deep where id < 60; update app.deep set v = 'w'",
      REPLACE: "update app.deep set id = id + 1000",
      INSERT_MISSING: "truncate app.deep",
    },
  },
  {
    title: "inherited, each with rows of its own",
    ddl: `create table app.cities (id int primary key, v text);
      create table app.capitals (w text, primary key (id)) inherits (app.cities);
      insert into app.cities values (1, 'a');
      insert into app.capitals values (1, 'b', 'w'), (2, 'b', 'w')`,
    tables: ["app.cities", "app.capitals"],
    damage: {
      MERGE: "update app.cities set v = 'x'",
      REPLACE: "insert into app.capitals values (7, 'z', 'z'); delete from only app.cities",
      INSERT_MISSING: "delete from app.cities",
    },
  },
  {
    title: "inherited, of which only the parent is backed up",
    ddl: `create table app.base (id int primary key, v text);
      create table app.derived (w text) inherits (app.base);
      insert into app.base values (1, 'a');
      insert into app.derived values (1, 'b', 'w'), (2, 'b', 'w')`,
    tables: ["app.base"],
    damage: {
      MERGE: "update only app.base set v = 'x'",
      REPLACE: "insert into app.base values (8, 'z')",
      INSERT_MISSING: "delete from only app.base",
    },
  },
  {
    title: "with a unique index in place of a key",
    ddl: `create table app.places (a int not null, b text not null, v text, unique (a, b));
      insert into app.places values (1, 'x', '1'), (1, 'y', '2')`,
    tables: ["app.places"],
    damage: {
      MERGE: "update app.places set v = null",
      REPLACE: "update app.places set a = 5",
      INSERT_MISSING: "delete from app.places",
    },
  },
  {
    title: "whose unique columns may be null, which is no key",
    ddl: `create table app.loose (a int unique, v text);
      insert into app.loose values (1, 'x'), (null, 'y'), (null, 'y')`,
    tables: ["app.loose"],
    damage: {
      MERGE: "delete from app.loose where a is null",
      REPLACE: "update app.loose set v = 'q'",
      INSERT_MISSING: "delete from app.loose",
    },
  },
  {
    title: "whose nulls are not distinct",
    ddl: `create table app.strict (a int, b text, v text);
      create unique index on app.strict (a, b) nulls not distinct;
      insert into app.strict values (1, null, 'x'), (null, null, 'y'), (2, 'b', 'z')`,
    tables: ["app.strict"],
    damage: {
      MERGE: "delete from app.strict where a is null",
      REPLACE: "update app.strict set v = 'q'",
      INSERT_MISSING: "delete from app.strict",
    },
    since: 15,
  },
  {
    title: "with partial and expression indexes that are unique, which are no keys",
    ddl: `create table app.partial (a int not null, v text not null);
      create unique index on app.partial (a) where v <> 'x';
      create unique index on app.partial (lower(v));
      insert into app.partial values (1, 'x'), (1, 'y'), (2, 'z')`,
    tables: ["app.partial"],
    damage: {
      MERGE: "delete from app.partial where a = 1",
      REPLACE: "update app.partial set v = v || 'q' where a = 2",
      INSERT_MISSING: "delete from app.partial",
    },
  },
  {
    title: "that refer to themselves, in circles",
    ddl: `create table app.nodes (id int primary key, parent int references app.nodes on delete restrict);
      insert into app.nodes values (1, 2), (2, 3), (3, 1), (4, 4)`,
    tables: ["app.nodes"],
    damage: {
      MERGE: "update app.nodes set parent = null; delete from app.nodes where id < 3",
      REPLACE: "update app.nodes set parent = null; update app.nodes set id = id + 10",
      INSERT_MISSING: "truncate app.nodes",
    },
  },
  {
    title: "that refer to each other, at once and at the end of a transaction",
    ddl: `create table app.hens (id int primary key, egg int);
      create table app.eggs (id int primary key, hen int not null references app.hens);
      alter table app.hens add foreign key (egg) references app.eggs deferrable initially deferred;
      insert into app.hens values (1, null); insert into app.eggs values (1, 1); update app.hens set egg = 1`,
    tables: ["app.hens", "app.eggs"],
    damage: {
      MERGE: "truncate app.hens, app.eggs",
      REPLACE:
        "truncate app.hens, app.eggs; insert into app.hens values (9, null); insert into app.eggs values (9, 9)",
      INSERT_MISSING: "truncate app.hens, app.eggs",
    },
  },
  {
    title: "with an identity that is GENERATED ALWAYS and a stored column",
    ddl: `create table app.items (id int generated always as identity primary key, v text,
        w text generated always as (upper(v)) stored);
      insert into app.items (v) values ('a'), ('b')`,
    tables: ["app.items"],
    damage: {
      MERGE: "update app.items set v = 'z'",
      REPLACE: "delete from app.items; insert into app.items (v) values ('n')",
      INSERT_MISSING: "delete from app.items",
    },
  },
  {
    title: "with a virtual column",
    ddl: `create table app.shadows (id int primary key, v text, w text generated always as (upper(v)) virtual);
      insert into app.shadows (id, v) values (1, 'a'), (2, 'b')`,
    tables: ["app.shadows"],
    damage: {
      MERGE: "update app.shadows set v = 'z'",
      REPLACE: "delete from app.shadows",
      INSERT_MISSING: "delete from app.shadows",
    },
    since: 18,
  },
  {
    title: "whose triggers rewrite and refuse rows",
    ddl: `create table app.notes (id int primary key, v text, updated_at timestamptz default now());
      create function app.touch() returns trigger language plpgsql as
        'begin new.updated_at = clock_timestamp(); return new; end';
      create table app.fixed (k int);
      create function app.refuse() returns trigger language plpgsql as 'begin raise exception ''no''; end';
      insert into app.notes values (1, 'a', '2020-01-01'), (2, 'b', '2020-01-01');
      insert into app.fixed values (1);
      create trigger touch before insert or update on app.notes for each row execute function app.touch();
      create trigger refuse before insert or update or delete on app.fixed for each row execute function app.refuse();
      alter table app.fixed enable always trigger refuse`,
    tables: ["app.notes", "app.fixed"],
    damage: {
      MERGE: "update app.notes set v = 'z'",
      REPLACE: "delete from app.notes; truncate app.fixed",
      INSERT_MISSING: "delete from app.notes; truncate app.fixed",
    },
  },
  {
    title: "with rules in the way of every change",
    ddl: `create table app.ruled (id int primary key, v text);
      insert into app.ruled values (1, 'a'), (2, 'b');
      create rule r1 as on insert to app.ruled do instead nothing;
      create rule r2 as on update to app.ruled do instead nothing;
      create rule r3 as on delete to app.ruled do instead nothing`,
    tables: ["app.ruled"],
    damage: {
      MERGE: "truncate app.ruled",
      REPLACE: "truncate app.ruled",
      INSERT_MISSING: "truncate app.ruled",
    },
  },
  {
    title: "without columns, or with none that takes a value",
    ddl: `create table app.empty ();
      insert into app.empty default values; insert into app.empty default values;
      create table app.computed (id int generated always as (1) stored);
      insert into app.computed default values;
      create table app.left_over (a int, id int generated always as (1) stored);
      insert into app.left_over values (1); alter table app.left_over drop a`,
    tables: ["app.empty", "app.computed", "app.left_over"],
    damage: {
      MERGE: "delete from app.empty where ctid = (select min(ctid) from app.empty); delete from app.computed",
      REPLACE: "insert into app.empty default values; insert into app.computed default values",
      INSERT_MISSING: "truncate app.empty, app.computed, app.left_over",
    },
  },
  {
    title: "with 1,600 columns",
    ddl: `create table app.wide (${Array.from({ length: 1_600 }, (_, n) => `c${n} ${n % 2 === 0 ? '"char"' : "int"}`).join()});
      insert into app.wide (c0, c1599) values ('a', 1), (null, 2)`,
    tables: ["app.wide"],
    damage: {
      MERGE: "delete from app.wide where c1599 = 1",
      REPLACE: "update app.wide set c7 = 7",
      INSERT_MISSING: "truncate app.wide",
    },
  },
  {
    title:
      "whose names need quoting, have dots and capitals, or are words of SQL and of Holdfast's own statements",
    ddl: `create schema "a.b"; create schema "a"; create schema "Sch ""ema";
      create table "a.b"."c" (id int primary key, "a.b" text);
      create table "a"."b.c" (id int primary key, "select" text, "Group" text, "🙂 x" text, "it's" text, "q""q" text, "b\\s" text,
        "tab\t" text, "delimiter" text, "null" text, "ctid " int, "live" int, staged int, diff int, action int, digest int,
        place int, image int, label int, copy int, "1" int, "2" int, candidate int, "t" int, "%I %s $1" int,
        unique ("1", "2"), unique (place, label), check (staged > 0 and "q""q" <> 'q'));
      create table "Sch ""ema"."${LONG}" ("${LONG}" int primary key, v text);
      create table app."ctid" (live int primary key, live_table int unique, gone int references "a"."b.c");
      insert into "a.b".c values (1, 'x');
      insert into a."b.c" (id, "select", "null", staged, "1", "2", place, "tab\t") values (1, 'x', null, 3, 1, 2, 4, '\t'), (2, 'y', 'n', 3, 4, 5, 6, '');
      insert into "Sch ""ema"."${LONG}" values (1, 'v');
      insert into app.ctid values (1, 1, 1), (2, 2, 2)`,
    tables: [
      { schema: "a.b", name: "c" },
      { schema: "a", name: "b.c" },
      { schema: 'Sch "ema', name: LONG },
      "app.ctid",
    ],
    damage: {
      MERGE: `update a."b.c" set staged = 9, "1" = "1" + 10; delete from "a.b".c; update app.ctid set live_table = -live_table`,
      REPLACE: `delete from app.ctid; delete from a."b.c"; delete from "Sch ""ema"."${LONG}"`,
      INSERT_MISSING: `delete from "a.b".c; delete from app.ctid`,
    },
  },
  {
    title: "with columns that were dropped in the middle",
    ddl: `create table app.holes (x int, id int primary key, y text, v text);
      insert into app.holes values (1, 1, 'y', 'v'), (2, 2, 'y', 'v');
      alter table app.holes drop x, drop y, add z int default 7`,
    tables: ["app.holes"],
    damage: {
      MERGE: "update app.holes set z = 8",
      REPLACE: "delete from app.holes",
      INSERT_MISSING: "delete from app.holes",
    },
  },
  {
    title: "that are unlogged, or have large values",
    ddl: `create unlogged table app.fleeting (id int primary key);
      insert into app.fleeting values (1);
      create table app.large (id int primary key, v text, w bytea);
      alter table app.large alter v set storage external;
      insert into app.large select i, repeat(md5(i::text), 1000), decode(repeat(md5(i::text), 1000), 'hex') from generate_series(1, 20) i`,
    tables: ["app.fleeting", "app.large"],
    damage: {
      MERGE: "update app.large set v = v || 'x' where id < 5; delete from app.fleeting",
      REPLACE: "delete from app.large where id > 10; insert into app.fleeting values (2)",
      INSERT_MISSING: "delete from app.large; delete from app.fleeting",
    },
  },
  {
    title: "with an exclusion constraint, whose ranges rows exchange",
    ddl: `create table app.bookings (id int primary key, during int4range, exclude using gist (during with &&));
      insert into app.bookings values (1, '[1,5)'), (2, '[5,9)')`,
    tables: ["app.bookings"],
    damage: {
      MERGE: `update app.bookings set during = '[20,30)' where id = 1; update app.bookings set during = '[1,5)' where id = 2`,
      REPLACE: "update app.bookings set id = 3 where id = 1",
      INSERT_MISSING: "delete from app.bookings",
    },
  },
  {
    title: "with types that know no equality, by a key and without one",
    ddl: `create table app.unequal (id int primary key, j json, p point, x xml);
      insert into app.unequal values (1, '{"a":1}', '(1,2)', '<a/>'), (2, null, null, null);
      create table app.shapes (j json, p point);
      insert into app.shapes values ('1', '(1,2)'), ('1', '(1,2)'), (null, null)`,
    tables: ["app.unequal", "app.shapes"],
    damage: {
      MERGE: `update app.unequal set j = '{"a": 1}', p = '(1,3)' where id = 1; update app.unequal set x = '<b/>' where id = 2;
        delete from app.shapes where ctid = '(0,1)'`,
      REPLACE: "delete from app.unequal; update app.shapes set p = '(0,0)'",
      INSERT_MISSING: "truncate app.unequal, app.shapes",
    },
  },
  {
    title: "whose texts are equal without being the same",
    ddl: `create collation app.ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      create table app.folded (id text collate app.ci primary key, v text collate app.ci);
      insert into app.folded values ('A', 'x'), ('b', 'Y')`,
    tables: ["app.folded"],
    damage: {
      MERGE: "update app.folded set v = upper(v), id = upper(id)",
      REPLACE: "update app.folded set v = lower(v), id = lower(id)",
      INSERT_MISSING: "truncate app.folded",
    },
  },
];
