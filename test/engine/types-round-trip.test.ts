// Random rows of every type that the platform's tables use, through a whole backup and restore.
import { randomUUID } from "node:crypto";
import fc from "fast-check";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildCatalog, OWN_DATABASE } from "../../src/core/catalog.ts";
import { storeSink, storeSource } from "../../src/engine/artifact-io.ts";
import { backup } from "../../src/engine/backup.ts";
import { forgetRestore, restore } from "../../src/engine/restore.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

const catalog = buildCatalog({
  SAMPLES: {
    ROWS: { label: "Rows", tables: [{ schema: "public", name: "rows" }], read: "READ", write: "WRITE" },
  },
});

/** Text that PostgreSQL can hold: any but NUL, and no half of a surrogate pair. */
const text = fc.oneof(
  fc.string({ unit: "binary" }).map((value) => value.toWellFormed().replaceAll("\0", "")),
  fc.constantFrom("", "\\N", "\\.", "\t", "\r\n", "\\", "a\\tb", "\u{1F600}\u{10FFFF}", "null", "NULL", "{}"),
);
const digits = (min: bigint, max: bigint) => fc.bigInt({ min, max }).map(String);
const json = fc
  .jsonValue({ stringUnit: "binary" })
  .map((value) => JSON.stringify(value).toWellFormed())
  .filter((value) => !/\\u0000|\\ud[89a-f]/i.test(value) && !/e[+-]?\d{3}/i.test(value));
const arrayOf = (element: fc.Arbitrary<string>) =>
  fc
    .array(fc.option(element))
    .map((elements) => `{${elements.map((item) => (item === null ? "NULL" : quoted(item))).join()}}`);
const quoted = (element: string) => `"${element.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
const whole = (min: number, max: number) => fc.integer({ min, max });
const address = fc.oneof(fc.ipV4(), fc.ipV6());
const day = fc.tuple(whole(1, 9999), whole(1, 12), whole(1, 28)).map((parts) => {
  const [year, month, date] = parts.map((part) => String(part).padStart(2, "0"));
  return `${year?.padStart(4, "0")}-${month}-${date}`;
});
const clock = fc
  .tuple(whole(0, 23), whole(0, 59), whole(0, 59_999_999))
  .map(([hours, minutes, micros]) => `${hours}:${minutes}:${(micros / 1e6).toFixed(6)}`);

const COLUMNS: Readonly<Record<string, readonly [type: string, values: fc.Arbitrary<string>]>> = {
  a_bool: ["boolean", fc.constantFrom("t", "f")],
  a_smallint: ["smallint", digits(-32_768n, 32_767n)],
  an_integer: ["integer", digits(-(2n ** 31n), 2n ** 31n - 1n)],
  a_bigint: ["bigint", digits(-(2n ** 63n), 2n ** 63n - 1n)],
  a_numeric: [
    "numeric",
    fc.oneof(
      fc
        .tuple(digits(-(10n ** 40n), 10n ** 40n), fc.stringMatching(/^[0-9]{0,30}$/))
        .map(([units, rest]) => `${units}.${rest}`),
      fc.constantFrom("NaN", "Infinity", "-Infinity", "0", "0.000"),
    ),
  ],
  a_scaled_numeric: ["numeric(12,3)", digits(-99_999_999n, 99_999_999n)],
  a_double: ["double precision", fc.oneof(fc.double().map(String), fc.constantFrom("-0"))],
  a_text: ["text", text],
  a_bytea: ["bytea", fc.uint8Array().map((bytes) => `\\x${Buffer.from(bytes).toString("hex")}`)],
  a_jsonb: ["jsonb", json],
  a_uuid: ["uuid", fc.uuid()],
  a_timestamptz: [
    "timestamptz",
    fc.oneof(
      fc.tuple(day, clock).map(([date, time]) => `${date} ${time}+00`),
      fc.constantFrom("infinity", "-infinity", "4713-01-01 00:00:00+00 BC"),
    ),
  ],
  a_date: ["date", fc.oneof(day, fc.constantFrom("infinity", "-infinity", "0044-03-15 BC"))],
  a_time: ["time", fc.oneof(clock, fc.constant("24:00:00"))],
  an_interval: [
    "interval",
    fc
      .tuple(whole(-999, 999), whole(-99_999, 99_999), whole(-2_147_483_648, 2_147_483_647))
      .map(([months, days, micros]) => `${months} months ${days} days ${micros} microseconds`),
  ],
  an_inet: ["inet", address],
  a_cidr: ["cidr", address],
  an_enum: ["mood", fc.constantFrom("sad", 'it\'s "fine"', "happy, very")],
  a_text_array: ["text[]", arrayOf(text)],
  an_integer_array: ["integer[]", arrayOf(digits(-9n, 9n))],
};

const row = fc.record(
  Object.fromEntries(Object.entries(COLUMNS).map(([name, [, values]]) => [name, fc.option(values)])),
);

describe("a row of every type", () => {
  let database: TestDatabase;
  let sql: postgres.Sql;
  beforeAll(async () => {
    database = await createDatabase();
    sql = postgres(database.url, { max: 1, onnotice: () => undefined });
    await sql.unsafe(`
      CREATE TYPE mood AS ENUM ('sad', 'it''s "fine"', 'happy, very');
      CREATE TABLE rows (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        ${Object.entries(COLUMNS)
          .map(([name, [type]]) => `${name} ${type}`)
          .join(", ")},
        length integer GENERATED ALWAYS AS (length(a_text)) STORED)`);
  });
  afterAll(async () => {
    await sql.end();
    await database.drop();
  });

  const readRows = async () =>
    [...(await sql<{ row: string }[]>`SELECT t::text AS row FROM rows t ORDER BY id`)].map(({ row }) => row);

  it("comes back identical, to the last character of its text", async () => {
    const columns = Object.entries(COLUMNS);
    const names = columns.map(([name]) => name).join(", ");
    const places = columns.map(([, [type]], index) => `$${index + 1}::text::${type}`).join(", ");
    const control = { signal: new AbortController().signal, onProgress: () => undefined };
    const databaseUrl = () => database.url;

    const comesBack = async (rows: readonly Record<string, string | null>[]) => {
      await sql`TRUNCATE rows`;
      await sql.begin(async (tx) => {
        for (const values of rows) {
          const parameters = columns.map(([name]) => values[name] ?? null);
          await tx.unsafe(`INSERT INTO rows (${names}) VALUES (${places})`, parameters);
        }
      });
      const before = await readRows();
      const store = memoryStore();
      const artifactId = randomUUID();
      const { rows: backedUp } = await backup(
        { databaseUrl, sink: storeSink(store, artifactId) },
        {
          artifactId,
          createdAt: new Date(),
          entities: [...catalog.entities.values()],
          encryption: { kind: "NONE" },
        },
        control,
      );
      expect(backedUp).toBe(rows.length);
      // Half of the rows are gone, and the others have lost what they held.
      await sql`DELETE FROM rows WHERE id % 2 = 0`;
      await sql`UPDATE rows SET a_text = 'lost', a_jsonb = NULL, a_numeric = 0, a_text_array = NULL`;
      const runId = randomUUID();
      await restore(
        { databaseUrl, catalog, source: storeSource(store, artifactId) },
        { runId, attempt: 1, mode: "REPLACE", dryRun: false },
        control,
      );
      await forgetRestore({ databaseUrl }, { runId, database: OWN_DATABASE }, control.signal);
      expect(await readRows()).toEqual(before);
    };
    await fc.assert(fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 40 }), comesBack), {
      numRuns: 15,
    });
  }, 180_000);
});
