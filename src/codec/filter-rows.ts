// Takes rows out of COPY text by single fields, without reading the others: most of a table may be of no interest.
import type { FilteredForm, RowFilter } from "../core/row-filter.ts";
import { formatRow } from "./copy-text.ts";
import { ROW_END } from "./rows.ts";

const FIELD_END = 0x09;
const NULL_MARK = String.raw`\N`;
/** As PostgreSQL prints values; another text may mean the same value. */
const USUAL: Readonly<Record<FilteredForm, RegExp | null>> = {
  INTEGER: /^-?[1-9]\d*$|^0$/,
  UUID: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  TEXT: null,
};

/**
 * The rows that pass, in chunks of whole rows.
 * @param chunks COPY text, cut anywhere; it ends with a row's end
 */
export async function* filterRows(
  chunks: AsyncIterable<Uint8Array>,
  filter: RowFilter,
): AsyncGenerator<Uint8Array> {
  const tests = filter
    .map(({ place, form, values }) => ({
      place,
      usual: USUAL[form],
      values: new Set([...values].map(encode)),
    }))
    .toSorted((one, other) => one.place - other.place);
  let pending: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = Buffer.concat([pending, chunk]);
    const passed: Buffer[] = [];
    let start = 0;
    for (let end = bytes.indexOf(ROW_END); end !== -1; end = bytes.indexOf(ROW_END, start)) {
      if (passes(bytes, start, end, tests)) passed.push(bytes.subarray(start, end + 1));
      start = end + 1;
    }
    pending = bytes.subarray(start);
    if (passed.length > 0) yield Buffer.concat(passed);
  }
  if (pending.length > 0) yield pending;
}

/** As the field's bytes are, one character for each: nothing is decoded to be compared. */
function encode(value: string): string {
  return Buffer.from(formatRow([value]).slice(0, -1)).toString("latin1");
}

interface EncodedTest {
  readonly place: number;
  readonly usual: RegExp | null;
  readonly values: ReadonlySet<string>;
}

function passes(bytes: Buffer, start: number, end: number, tests: readonly EncodedTest[]): boolean {
  let place = 0;
  let at = start;
  for (const test of tests) {
    for (; place < test.place; place += 1) {
      const next = bytes.indexOf(FIELD_END, at);
      // A row of too few fields is for the database to refuse.
      if (next === -1 || next > end) return true;
      at = next + 1;
    }
    const next = bytes.indexOf(FIELD_END, at);
    const field = bytes.toString("latin1", at, next === -1 || next > end ? end : next);
    if (test.values.has(field)) return true;
    if (test.usual !== null && field !== NULL_MARK && !test.usual.test(field)) return true;
  }
  return false;
}
