// What the server has of a connection's statements.
import { inArray, sql } from "drizzle-orm";
import { expect, it } from "vitest";
import { openLedger } from "../../src/ledger/connect.ts";
import { runs } from "../../src/ledger/tables.ts";
import { createDatabase } from "../support/postgres.ts";

/** Of one connection. @returns what is asked of it, and how often each statement of the server's that has these words was prepared and run */
async function oneConnection() {
  const database = await createDatabase({ migrated: true });
  const ledger = openLedger(database.url, { maxConnections: 1 });
  return {
    ...ledger,
    prepared: async (words: string): Promise<number[]> => {
      const found = await ledger.sql<{ calls: number }[]>`
        select (generic_plans + custom_plans)::int as calls from pg_prepared_statements
        where position(${words} in statement) > 0 and position('pg_prepared_statements' in statement) = 0`;
      return found.map(({ calls }) => calls);
    },
    [Symbol.asyncDispose]: async () => {
      await ledger.close();
      await database.drop();
    },
  };
}

const ask = (word: string) => sql`select ${word}::text as asked`;

it("prepares a statement with values once for a connection, whether in a transaction, behind a savepoint or in neither", async () => {
  await using ledger = await oneConnection();
  const { db } = ledger;
  expect(await db.execute(ask("a"))).toEqual([{ asked: "a" }]);
  await db.transaction(async (tx) => {
    expect(await tx.execute(ask("b"))).toEqual([{ asked: "b" }]);
    await tx.transaction(async (inner) => {
      expect(await inner.execute(ask("c"))).toEqual([{ asked: "c" }]);
      await inner.transaction(async (inmost) =>
        expect(await inmost.execute(ask("d"))).toEqual([{ asked: "d" }]),
      );
    });
  });
  expect(await ledger.prepared("as asked")).toEqual([4]);
});

it("prepares no statement of a long list, of which there is another for each length", async () => {
  await using ledger = await oneConnection();
  const { db } = ledger;
  const ids = (count: number) => Array.from({ length: count }, () => crypto.randomUUID());
  for (const count of [40, 41, 400])
    expect(
      await db
        .select({ id: runs.id })
        .from(runs)
        .where(inArray(runs.id, ids(count))),
    ).toEqual([]);
  expect(await ledger.prepared('"runs"."id" in')).toEqual([1]);
});

it("asks again where what a prepared statement answers has another type by now", async () => {
  await using ledger = await oneConnection();
  const { db } = ledger;
  await db.execute(sql`create table kept (value int)`);
  await db.execute(sql`insert into kept values (1)`);
  const read = () => db.execute(sql`select * from kept where value::int = ${1}`);
  expect(await read()).toEqual([{ value: 1 }]);
  await db.execute(sql`alter table kept alter value type text`);
  expect(await read()).toEqual([{ value: "1" }]);
});

it("goes on with a prepared statement after values that it refused", async () => {
  await using ledger = await oneConnection();
  const { db } = ledger;
  const halve = (by: number) => db.execute(sql`select 10 / ${by}::int as half`);
  await expect(halve(0)).rejects.toMatchObject({ cause: { code: "22012" } });
  expect(await halve(2)).toEqual([{ half: 5 }]);
  await expect(halve(0)).rejects.toMatchObject({ cause: { code: "22012" } });
  expect(await ledger.prepared("as half")).toEqual([1]);
});
