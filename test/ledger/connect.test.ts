import postgres from "postgres";
import { sql } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import { identifyInstallation, migrateLedger } from "../../src/ledger/connect.ts";
import { openPassage } from "../support/passage.ts";
import { createDatabase } from "../support/postgres.ts";
import { testLedger } from "./runs-fixture.ts";

it("migrates an empty database once, however many processes start at the same moment", async () => {
  await using database = await createDatabase();
  await Promise.all([1, 2, 3, 4].map(() => migrateLedger(database.url)));
  const sql = postgres(database.url, { max: 1 });
  const applied =
    await sql`select hash, count(*)::int as times from drizzle.__drizzle_migrations group by hash`;
  expect(applied.length).toBeGreaterThan(0);
  expect(applied.every(({ times }) => times === 1)).toBe(true);
  expect(await sql`select count(*)::int as runs from holdfast.runs`).toEqual([{ runs: 0 }]);
  await sql.end();
});

it("lets go of the lock when a migration fails", async () => {
  await using database = await createDatabase();
  await expect(migrateLedger(database.url, "/nowhere")).rejects.toThrow("journal");
  await migrateLedger(database.url);
});

it("gives every database an id of its own, the same for all who ask", async () => {
  await using first = await createDatabase({ migrated: true });
  await using second = await createDatabase({ migrated: true });
  const ids = await Promise.all([1, 2, 3].map(() => identifyInstallation(testLedger(first.url))));
  expect(new Set(ids).size).toBe(1);
  expect(await identifyInstallation(testLedger(second.url))).not.toBe(ids[0]);
});

describe("a connection that is lost in a transaction", () => {
  it.each(["while a statement runs", "between two statements", "before COMMIT"])(
    "%s ends the transaction and nothing else",
    async (when) => {
      await using database = await createDatabase({ migrated: true });
      const passage = await openPassage(database.url);
      const { db } = testLedger(passage.url);
      const lost = Promise.withResolvers<void>();
      const transaction = db.transaction(async (tx) => {
        await tx.execute(sql`select 1`);
        if (when === "while a statement runs")
          await Promise.all([tx.execute(sql`select pg_sleep(60)`), passage.cut()]);
        await passage.cut();
        await lost.promise;
        if (when === "between two statements") await tx.execute(sql`select 1`);
      });
      transaction.catch(() => lost.resolve());
      await expect(transaction).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
      await passage.mend();
      expect(await db.transaction((tx) => tx.execute(sql`select 1 as one`))).toEqual([{ one: 1 }]);
    },
  );

  it("is told from what else fails in one, which is rolled back", async () => {
    await using database = await createDatabase({ migrated: true });
    const { db } = testLedger(database.url);
    const failing = db.transaction(async (tx) => {
      await tx.execute(sql`create table made (id int)`);
      throw new Error("of its own");
    });
    await expect(failing).rejects.toThrow("of its own");
    await expect(db.transaction((tx) => tx.execute(sql`select from made`))).rejects.toThrow("made");
  });
});
