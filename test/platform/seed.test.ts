import { randomBytes } from "node:crypto";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { verifyPassword } from "../../src/auth/passwords.ts";
import { migrateLedger, openLedger } from "../../src/ledger/connect.ts";
import { seedPlatform, SMALL_SIZES, type PlatformSizes } from "../../src/platform/seed.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

const NOTHING: PlatformSizes = {
  ...{ users: 0, groups: 0, tokens: 0, transformers: 0, pipelines: 0, alerts: 0, streams: 0, logEntries: 0 },
  ...{ spaces: 0, templates: 0, variables: 0, configValues: 0, auditLogs: 0 },
};

let database: TestDatabase;
let sql: postgres.Sql;
beforeAll(async () => {
  database = await createDatabase({ migrated: true });
  sql = postgres(database.url, { onnotice: () => undefined });
  await seedPlatform(sql, SMALL_SIZES);
});
afterAll(async () => {
  await sql.end();
  await database.drop();
});

/** By table: how many rows there are, and a hash of them. */
async function fingerprints(of: postgres.Sql): Promise<Record<string, string>> {
  const tables = await of<{ name: string }[]>`
    SELECT tablename AS name FROM pg_tables WHERE schemaname = 'platform' ORDER BY 1`;
  const entries: [string, string][] = [];
  for (const { name } of tables) {
    const [row] = await of<{ print: string }[]>`
      SELECT count(*) || ' ' || coalesce(md5(string_agg(line, '' ORDER BY line)), '') AS print
      FROM (SELECT to_jsonb(t)::text AS line FROM ${of(`platform.${name}`)} t) AS lines`;
    entries.push([name, row?.print ?? ""]);
  }
  return Object.fromEntries(entries);
}

describe("made-up rows", () => {
  it("are as many as asked for, with what hangs on them", async () => {
    const prints = await fingerprints(sql);
    const counts = Object.fromEntries(
      Object.entries(prints).map(([name, print]) => [name, Number(print.split(" ")[0])]),
    );
    expect(counts).toMatchObject({
      users: SMALL_SIZES.users,
      groups: SMALL_SIZES.groups,
      tokens: SMALL_SIZES.tokens,
      transformers: SMALL_SIZES.transformers,
      pipelines: SMALL_SIZES.pipelines,
      alerts: SMALL_SIZES.alerts,
      streams: SMALL_SIZES.streams,
      log_entries: SMALL_SIZES.logEntries,
      spaces: SMALL_SIZES.spaces,
      templates: SMALL_SIZES.templates,
      variables: SMALL_SIZES.variables,
      config_values: SMALL_SIZES.configValues,
      audit_logs: SMALL_SIZES.auditLogs,
    });
    expect(Object.entries(counts).filter(([, count]) => count === 0)).toEqual([]);
  });

  it("are the same for the same seed, and others for another", async () => {
    await using again = await createDatabase({ migrated: true });
    await using other = await createDatabase({ migrated: true });
    // Through the ledger's pool, which Drizzle has told to leave some types alone.
    const ledger = openLedger(again.url);
    const third = postgres(other.url, { onnotice: () => undefined });
    await seedPlatform(ledger.sql, SMALL_SIZES);
    await seedPlatform(third, SMALL_SIZES, 2);
    const prints = await fingerprints(sql);
    expect(await fingerprints(ledger.sql)).toEqual(prints);
    expect((await fingerprints(third))["log_entries"]).not.toBe(prints["log_entries"]);
    await Promise.all([ledger.close(), third.end()]);
  });

  it("keep to every foreign key, though they are written unchecked", async () => {
    const keys = await sql<{ table: string; name: string; definition: string }[]>`
      SELECT conrelid::regclass::text AS table, conname AS name, pg_get_constraintdef(oid) AS definition
      FROM pg_constraint WHERE contype = 'f' AND connamespace = 'platform'::regnamespace`;
    for (const { table, name, definition } of keys) {
      await sql`ALTER TABLE ${sql(table)} DROP CONSTRAINT ${sql(name)}`;
      await sql.unsafe(`ALTER TABLE ${table} ADD CONSTRAINT ${name} ${definition}`);
    }
    expect(keys.length).toBeGreaterThan(10);
  });

  it("hold what is awkward to carry", async () => {
    const [found] = await sql<Record<string, boolean>[]>`SELECT
      EXISTS (SELECT FROM platform.users WHERE email IS NULL) AS null_text,
      EXISTS (SELECT FROM platform.users WHERE display_name = '') AS empty_text,
      EXISTS (SELECT FROM platform.users WHERE display_name ~ '[一-龯א-ת]') AS scripts,
      EXISTS (SELECT FROM platform.users WHERE avatar = '') AS empty_bytes,
      EXISTS (SELECT FROM platform.log_entries WHERE message = '\\N') AS null_mark,
      EXISTS (SELECT FROM platform.log_entries WHERE message = '\\.') AS end_mark,
      EXISTS (SELECT FROM platform.log_entries WHERE message ~ E'\\t' AND message ~ E'\\n') AS tabs_and_lines,
      EXISTS (SELECT FROM platform.log_entries WHERE message ~ E'\\r') AS carriage_return,
      EXISTS (SELECT FROM platform.log_entries WHERE array_position(tags, NULL) > 0) AS null_element,
      EXISTS (SELECT FROM platform.log_entries WHERE tags = '{}') AS empty_array,
      EXISTS (SELECT FROM platform.log_entries WHERE duration_ms = 'NaN') AS nan,
      EXISTS (SELECT FROM platform.alerts WHERE ratio::text = '-0') AS negative_zero,
      EXISTS (SELECT FROM platform.alerts WHERE ratio = '-Infinity') AS infinite_float,
      EXISTS (SELECT FROM platform.alerts WHERE last_fired_on = '-infinity') AS infinite_date,
      EXISTS (SELECT FROM platform.alerts WHERE last_fired_on < '0001-01-01' AND isfinite(last_fired_on)) AS before_christ,
      EXISTS (SELECT FROM platform.config_values WHERE valid_from = 'infinity') AS infinite_time,
      EXISTS (SELECT FROM platform.config_values WHERE value = 'null') AS json_null,
      EXISTS (SELECT FROM platform.streams WHERE retention::text LIKE '%mons -3 days%') AS mixed_interval,
      EXISTS (SELECT FROM platform.groups WHERE parent_id IS NOT NULL) AS parent_group,
      EXISTS (SELECT FROM platform.templates WHERE current_version_id IS NULL) AS no_current_version`;
    expect(Object.entries(found ?? {}).filter(([, there]) => !there)).toEqual([]);
  });

  it("are of no account that can sign in", async () => {
    const users = await sql<{ hash: string }[]>`
      SELECT password_hash AS hash FROM platform.users WHERE password_hash IS NOT NULL LIMIT 3`;
    for (const { hash } of users) {
      for (const guess of ["", "user1", "password"]) expect(await verifyPassword(hash, guess)).toBe(false);
    }
  });

  it("leave no trace of their making: triggers fire again, and sequences go on after them", async () => {
    const [user] = await sql<{ id: string }[]>`
      INSERT INTO platform.users (username, updated_at) VALUES ('later', '2020-01-01Z') RETURNING id`;
    expect(user).toEqual({ id: String(SMALL_SIZES.users + 1) });
    const [changed] = await sql<{ updatedAt: Date }[]>`
      UPDATE platform.templates SET locked = true WHERE id = (SELECT min(id::text)::uuid FROM platform.templates)
      RETURNING updated_at AS "updatedAt"`;
    expect(changed?.updatedAt.getTime()).toBeGreaterThan(Date.now() - 3_600_000);
    expect(await sql`SELECT FROM pg_proc WHERE proname IN ('roll', 'one_of', 'made_uuid')`).toHaveLength(0);
  });

  it("are all made or none", async () => {
    const before = await fingerprints(sql);
    await expect(seedPlatform(sql, SMALL_SIZES)).rejects.toThrow("roles_name_unique");
    expect(await fingerprints(sql)).toEqual(before);
  });
});

it("makes nothing but roles where nothing is asked for", async () => {
  await using empty = await createDatabase({ migrated: true });
  const own = postgres(empty.url, { onnotice: () => undefined });
  await seedPlatform(own, NOTHING);
  const filled = Object.entries(await fingerprints(own)).filter(([, print]) => !print.startsWith("0 "));
  expect(filled.map(([name]) => name)).toEqual(["roles"]);
  await own.end();
});

it("needs no superuser: whoever owns the tables can make the same rows, with every reference checked", async () => {
  await using owned = await createDatabase();
  await using whole = await createDatabase({ migrated: true });
  const superuser = postgres(whole.url, { onnotice: () => undefined });
  const role = `owner_${randomBytes(6).toString("hex")}`;
  await superuser.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD 'test'`);
  await superuser`GRANT ALL ON DATABASE ${superuser(owned.name)} TO ${superuser(role)}`;
  const url = new URL(owned.url);
  url.username = role;
  url.password = "test";
  await migrateLedger(url.href);
  const owner = postgres(url.href, { onnotice: () => undefined });
  await Promise.all([seedPlatform(owner, SMALL_SIZES), seedPlatform(superuser, SMALL_SIZES)]);
  expect(await fingerprints(owner)).toEqual(await fingerprints(superuser));
  await owner.end();
  await owned.drop();
  await superuser`DROP ROLE ${superuser(role)}`;
  await superuser.end();
});
