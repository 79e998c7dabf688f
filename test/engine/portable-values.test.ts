import { execFileSync } from "node:child_process";
import { ReadableStream } from "node:stream/web";
import fc from "fast-check";
import postgres from "postgres";
import { expect, inject, it } from "vitest";
import { parseRows, type Field } from "../../src/codec/copy-text.ts";
import { JsonTokens } from "../../src/codec/json-tokens.ts";
import { readRows } from "../../src/engine/portable-rows.ts";
import { valuePrinter } from "../../src/engine/portable-values.ts";

/** What the reader makes of rows of one column, given the JSON of their values. */
async function readBack(type: string, values: string): Promise<Field[]> {
  const tokens = new JsonTokens(ReadableStream.from([Buffer.from(values)]));
  const copyText = async function* () {
    for await (const { bytes } of readRows(tokens, [{ name: "v", type }], "t")) yield bytes;
  };
  return (await Array.fromAsync(parseRows(copyText(), 1, "t"))).flat(2);
}

const rowsOf = (values: readonly string[]) => `[${values.map((value) => `{"v":${value}}`).join(",\n")}]`;

/** Texts as PostgreSQL prints them. */
const TEXTS = {
  boolean: fc.constantFrom("t", "f"),
  smallint: fc.integer({ min: -32768, max: 32767 }).map(String),
  bigint: fc
    .oneof(
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.constantFrom(2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n)),
    )
    .map(String),
  "numeric(20,6)": fc
    .tuple(fc.bigInt({ min: -(10n ** 13n), max: 10n ** 13n }), fc.integer({ min: 0, max: 999999 }))
    .map(([whole, part]) => `${whole}.${String(part).padStart(6, "0")}`),
  "double precision": fc.oneof(
    fc.double({ noNaN: true }).map(String),
    fc.constantFrom("NaN", "Infinity", "-Infinity", "-0"),
  ),
  text: fc.string(),
  json: fc.json().map((text) => ` ${text}`),
  "text[]": fc.constantFrom("{}", "{NULL,a}", '{"a,b","{}"}'),
};

it.each(Object.entries(TEXTS))("a %s comes back as the text that it was", async (type, texts) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.option(texts)), async (values) => {
      const printed = values.map(valuePrinter(type));
      for (const value of printed) JSON.parse(value);
      expect(await readBack(type, rowsOf(printed))).toEqual(values);
    }),
  );
});

it("shows people numbers and booleans where a double holds them, and text where it does not", () => {
  const cases: [string, string, string][] = [
    ["bigint", "9007199254740991", "9007199254740991"],
    ["bigint", "9007199254740992", '"9007199254740992"'],
    ["boolean", "t", "true"],
    ["numeric", "1.50", '"1.50"'],
    ["jsonb", '{"a": [1, 2.5, true, null, "1.0"]}', '{"a": [1, 2.5, true, null, "1.0"]}'],
    ["jsonb", '{"a": 1.0}', String.raw`"{\"a\": 1.0}"`],
    ["jsonb", "12345678901234567890", '"12345678901234567890"'],
    ["jsonb", '"text"', String.raw`"\"text\""`],
    ["jsonb", "null", '"null"'],
    ["jsonb", "false", "false"],
    ["jsonb", "[".repeat(101) + "]".repeat(101), `"${"[".repeat(101)}${"]".repeat(101)}"`],
    ["json", '{"a":1}', String.raw`"{\"a\":1}"`],
  ];
  for (const [type, text, json] of cases) expect(valuePrinter(type)(text)).toBe(json);
});

it("a jsonb is the same value again, also after jq has printed it", async () => {
  const numbers = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.bigInt().map(String),
    fc.constantFrom(
      "1.0",
      "1e5",
      "1E-7",
      "0.10",
      "1e300",
      "123456789.123456789123456789",
      "-0",
      "0.1",
      "1e17",
      "5e-324",
    ),
  );
  const documents = fc.letrec<{ value: string }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      numbers,
      fc.constantFrom("true", "false", "null", '""', String.raw`"\\N \" 1.0 [ \t"`),
      fc
        .string({ unit: "grapheme" })
        .filter((text) => text.isWellFormed() && !text.includes("\0"))
        .map((text) => JSON.stringify(text)),
      fc.array(tie("value"), { maxLength: 4 }).map((items) => `[${items.join(",")}]`),
      fc
        .dictionary(
          fc.string({ maxLength: 3 }).filter((key) => !key.includes("\0")),
          tie("value"),
          { maxKeys: 4 },
        )
        .map(
          (members) =>
            `{${Object.entries(members)
              .map(([key, value]) => `${JSON.stringify(key)}:${value}`)
              .join(",")}}`,
        ),
    ),
  })).value;
  const sql = postgres(inject("postgresUrl"), { max: 1 });
  try {
    const asked = fc.sample(documents, { numRuns: 2000, seed: 1 });
    const rows = await sql<
      { text: string }[]
    >`SELECT v::jsonb::text AS text FROM unnest(${asked}::text[]) WITH ORDINALITY AS t (v, n) ORDER BY n`;
    const texts = rows.map(({ text }) => text);
    const printed = rowsOf(texts.map(valuePrinter("jsonb")));
    const byJq = execFileSync("jq", ["."], { input: printed, maxBuffer: 1e9 }).toString();
    for (const document of [printed, byJq]) {
      const back = await readBack("jsonb", document);
      const different = await sql`
        SELECT one, other FROM unnest(${texts}::text[], ${back}::text[]) AS t (one, other) WHERE one IS DISTINCT FROM other::jsonb::text`;
      expect([...different]).toEqual([]);
    }
    expect(printed.match(/^\{"v":[^"]/gm)?.length).toBeGreaterThan(500);
  } finally {
    await sql.end();
  }
});

it.each([
  ["a column that the table lacks", '[{"v":1,"w":2}]', "w"],
  ["a column that is missing", "[{}]", "v"],
  ["a value that its type cannot hold", '[{"v":[1]}]', "integer"],
  ["a row that is no object", "[1]", "object"],
  ["rows that are no array", '{"v":1}', "array"],
])("refuses %s, and says where", async (_, text, named) => {
  await expect(readBack("integer", text)).rejects.toMatchObject({
    code: "ARTIFACT_CORRUPT",
    message: expect.stringMatching(new RegExp(`of t .*${named}`)),
  });
});

it("takes whole numbers as programs print them", async () => {
  expect(await readBack("integer", '[{"v":1e3},{"v":3.0},{"v":"7"},{"v":null}]')).toEqual([
    "1000",
    "3",
    "7",
    null,
  ]);
});

it("prints documents with strings of any length, and with quotes, brackets and numbers in them", () => {
  const print = valuePrinter("jsonb");
  for (const inside of ["x".repeat(20_000_000), '1e999 [{\\" '.repeat(1_000_000), "\\"]) {
    const text = JSON.stringify({ inside });
    expect(print(text) === text).toBe(true);
  }
  expect(print('["\\"", 1e999]')).toBe(JSON.stringify('["\\"", 1e999]'));
});
