import { constants } from "node:buffer";
import fc from "fast-check";
import postgres from "postgres";
import { expect, inject, it } from "vitest";
import { formatRow, parseRows, type Field } from "../../src/codec/copy-text.ts";

/** Cut into chunks of the given length. */
async function* chunksOf(bytes: Uint8Array, sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += sizeBytes) yield bytes.subarray(at, at + sizeBytes);
}

async function parse(text: string | Uint8Array, columns: number, sizeBytes = 7): Promise<Field[][]> {
  const batches = await Array.fromAsync(parseRows(chunksOf(Buffer.from(text), sizeBytes), columns, "t"));
  return batches.flat();
}

const field = fc.option(
  fc.oneof(
    fc.string({ unit: "grapheme" }).filter((text) => text.isWellFormed()),
    fc.string({
      unit: fc.constantFrom("\\", "N", "\n", "\r", "\t", "\b", "\f", "\v", ".", "\u0001", "\u{1f600}"),
    }),
  ),
);

it("reads back every row that it writes, however the bytes are cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc
        .integer({ min: 0, max: 5 })
        .chain((columns) =>
          fc.tuple(
            fc.constant(columns),
            fc.array(fc.array(field, { minLength: columns, maxLength: columns }), { maxLength: 6 }),
          ),
        ),
      fc.integer({ min: 1, max: 40 }),
      async ([columns, rows], sizeBytes) => {
        expect(await parse(rows.map(formatRow).join(""), columns, sizeBytes)).toEqual(rows);
      },
    ),
  );
});

it("reads what COPY writes, and COPY reads what it writes", async () => {
  const sql = postgres(inject("postgresUrl"), { max: 1 });
  try {
    await sql`create temp table kept (id int, value text)`;
    const values = [
      "",
      "\\N",
      "\\.",
      "a\tb\nc\rd\be\ff\vg\\h",
      "\u0001\u001f\u007f",
      "ä€😀",
      String.raw`\x41\101`,
      null,
    ];
    const rows = values.map((value, at): Field[] => [String(at), value]);
    const writable = await sql`copy kept from stdin`.writable();
    await new Promise<void>((resolve, reject) => {
      writable.once("error", reject).end(rows.map(formatRow).join(""), resolve);
    });
    const found = await sql<{ value: string | null }[]>`select value from kept order by id`;
    expect(found.map((row) => row.value)).toEqual(values);

    const readable = await sql`copy (select * from kept order by id) to stdout`.readable();
    expect(await parse(Buffer.concat(await readable.toArray()), 2)).toEqual(rows);
  } finally {
    await sql.end();
  }
});

it.each([
  ["a row with too few fields", "1\t2\n3\n", "ARTIFACT_CORRUPT"],
  ["a row with too many fields", "1\t2\t3\n", "ARTIFACT_CORRUPT"],
  ["a row without its end", "1\t2\n3\t4", "ARTIFACT_CORRUPT"],
  ["an escape that COPY does not write", "1\t\\q\n", "ARTIFACT_CORRUPT"],
  ["a backslash at the end of a field", "\\\t1\n", "ARTIFACT_CORRUPT"],
  ["bytes that are not UTF-8", Buffer.from([0x31, 0x09, 0xe4, 0x0a]), "BAD_INPUT"],
])("refuses %s", async (_, text, code) => {
  await expect(parse(text, 2)).rejects.toMatchObject({ code });
});

it("refuses a row that no string holds, before it has gathered more", async () => {
  const chunk = Buffer.alloc(16 * 1024 * 1024, "x");
  let read = 0;
  const endless = async function* () {
    for (;;) {
      read += chunk.length;
      yield chunk;
    }
  };
  await expect(Array.fromAsync(parseRows(endless(), 1, "t"))).rejects.toMatchObject({
    code: "BAD_INPUT",
    message: "A row of t is too large to be read as text.",
  });
  expect(read).toBeLessThan(constants.MAX_STRING_LENGTH + 2 * chunk.length);
});
