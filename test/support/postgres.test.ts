import postgres from "postgres";
import { expect, it } from "vitest";
import { createDatabase } from "./postgres.ts";

it("gives every test a database of its own, gone after it, sessions or not", async () => {
  const first = await createDatabase();
  const second = await createDatabase();
  const sql = postgres(first.url, { onnotice: () => undefined });
  const other = postgres(second.url);
  await sql`create table here (id int)`;
  expect(await other`select to_regclass('here') as found`).toEqual([{ found: null }]);

  await first.drop();
  expect(await other`select from pg_database where datname = ${first.name}`).toHaveLength(0);
  await Promise.all([sql.end(), other.end()]);
  await second.drop();
});

it("makes migrated databases at once for several, with the tables in each and no rows shared", async () => {
  const databases = await Promise.all([1, 2, 3].map(() => createDatabase({ migrated: true })));
  for (const { url } of databases) {
    const sql = postgres(url);
    expect(await sql`select to_regclass('holdfast.runs') is not null as there`).toEqual([{ there: true }]);
    expect(await sql`select from holdfast.runs`).toHaveLength(0);
    await sql`insert into holdfast.sessions (user_id, expires_at) values ('1', now())`;
    expect(await sql`select from holdfast.sessions`).toHaveLength(1);
    await sql.end();
  }
  await Promise.all(databases.map((database) => database.drop()));
});
