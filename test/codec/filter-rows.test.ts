import fc from "fast-check";
import { expect, it } from "vitest";
import { formatRow } from "../../src/codec/copy-text.ts";
import { filterRows } from "../../src/codec/filter-rows.ts";
import { filteredForm, type RowFilter } from "../../src/core/row-filter.ts";

async function filtered(text: string, filter: RowFilter, cuts: readonly number[] = []): Promise<string> {
  const bytes = Buffer.from(text);
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  const chunks = places.slice(1).map((end, at) => bytes.subarray(places[at], end));
  const passed = await Array.fromAsync(filterRows(streamOf(chunks), filter));
  return Buffer.concat(passed).toString();
}

async function* streamOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

const test = (place: number, form: RowFilter[number]["form"], ...values: string[]) => ({
  ...{ place, form, values: new Set(values) },
});

it("lets pass the rows of which any field is one that is looked for, wherever the chunks end", async () => {
  const value = fc.oneof(
    fc.constantFrom("a", "b", "", "\\", "\t", "ä\n", "1"),
    fc.string({ unit: "grapheme" }),
  );
  const rows = fc.array(fc.tuple(fc.option(value), fc.option(value), fc.option(value)), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(
      rows,
      fc.array(value),
      fc.array(value),
      fc.array(fc.nat()),
      async (table, one, other, cuts) => {
        const expected = table.filter(
          ([, second, third]) =>
            (second !== null && one.includes(second)) || (third !== null && other.includes(third)),
        );
        const filter = [test(2, "TEXT", ...other), test(1, "TEXT", ...one)];
        expect(await filtered(table.map(formatRow).join(""), filter, cuts)).toBe(
          expected.map(formatRow).join(""),
        );
      },
    ),
  );
});

it("lets pass what may mean a value that is looked for, though it is written in another way", async () => {
  const numbers = "7\n07\n+7\n8\n-7\n\\N\n0\n-0\n";
  expect(await filtered(numbers, [test(0, "INTEGER", "7")])).toBe("7\n07\n+7\n-0\n");
  const uuid = "0b2f8f60-6a10-4b1f-9a0e-000000000001";
  const uuids = `${uuid}\n${uuid.toUpperCase()}\n{${uuid}}\n${uuid.replace("1", "2")}\n\\N\n`;
  const passed = `${uuid}\n${uuid.toUpperCase()}\n{${uuid}}\n`;
  expect(await filtered(uuids, [test(0, "UUID", uuid)])).toBe(passed);
});

it("lets nothing pass without a test, and leaves rows of too few fields to the database", async () => {
  expect(await filtered("1\t2\n", [])).toBe("");
  expect(await filtered("1\n", [test(1, "TEXT", "2")])).toBe("1\n");
});

it("is for types alone whose text tells their values apart", () => {
  const told = ["integer", "bigint", "uuid", "text", "character varying(3)", "character varying"];
  expect(told.map(filteredForm)).toEqual(["INTEGER", "INTEGER", "UUID", "TEXT", "TEXT", "TEXT"]);
  for (const type of ["numeric", "character(3)", "citext", "text[]", "date", "double precision"])
    expect(filteredForm(type)).toBeUndefined();
});
