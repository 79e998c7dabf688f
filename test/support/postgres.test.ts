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
