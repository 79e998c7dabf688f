// Rows of a table of the portable form: objects by column, turned into COPY text.
import { formatRow, type Field } from "../codec/copy-text.ts";
import type { JsonToken, JsonTokens } from "../codec/json-tokens.ts";
import type { RowBatch } from "../codec/part.ts";
import { HoldfastError } from "../core/errors.ts";
import { readValue, type PortableValue } from "./portable-values.ts";

/** Characters of COPY text that are gathered before they are passed on. */
const BATCH_CHARS = 1024 * 1024;

export interface PortableColumn {
  readonly name: string;
  /** As `format_type` prints it. */
  readonly type: string;
}

/**
 * Reads an array of rows to its end.
 * @param columns those that have values, in the order of the COPY text
 * @param label whose rows they are, for messages
 * @throws HoldfastError ARTIFACT_CORRUPT for a row that lacks a column, or has one that the table has not, or a value that its type
 *   cannot hold; what the tokens throw
 */
export async function* readRows(
  tokens: JsonTokens,
  columns: readonly PortableColumn[],
  label: string,
): AsyncGenerator<RowBatch> {
  const places = new Map(columns.map((column, place) => [column.name, { place, type: column.type }]));
  let rowNumber = 0;
  let batch = { text: "", rows: 0 };
  const refuse = (reason: string): HoldfastError =>
    new HoldfastError("ARTIFACT_CORRUPT", `Row ${rowNumber} of ${label} ${reason}.`);

  const readRow = async (): Promise<Field[]> => {
    const fields = Array.from<Field | undefined>({ length: columns.length });
    for (;;) {
      const key = tokens.take() ?? (await tokens.next());
      if (key.name === "endObject") break;
      if (key.name !== "keyValue") throw new Error(`a ${key.name} stands in the place of a key`);
      const target = places.get(key.value);
      if (target === undefined) throw refuse(`has a value for ${key.value}, which is no column of it`);
      const token = tokens.take() ?? (await tokens.next());
      const field = readValue(
        target.type,
        scalarOf(token) ?? { kind: "document", text: await tokens.text(token) },
      );
      if (field === undefined) throw refuse(`has a ${key.value} that is no ${target.type}`);
      fields[target.place] = field;
    }
    const missing = fields.indexOf(undefined);
    if (missing !== -1) throw refuse(`lacks ${columns[missing]?.name ?? ""}`);
    return fields.map((field) => field ?? null);
  };
  const take = (): RowBatch => {
    const { text, rows } = batch;
    batch = { text: "", rows: 0 };
    return { bytes: Buffer.from(text), rows, endsRow: true };
  };

  const start = await tokens.next();
  if (start.name !== "startArray")
    throw new HoldfastError("ARTIFACT_CORRUPT", `The rows of ${label} are no array.`);
  for (;;) {
    const token = tokens.take() ?? (await tokens.next());
    if (token.name === "endArray") break;
    rowNumber += 1;
    if (token.name !== "startObject") throw refuse("is no object");
    batch.text += formatRow(await readRow());
    batch.rows += 1;
    if (batch.text.length >= BATCH_CHARS) yield take();
  }
  if (batch.rows > 0) yield take();
}

/** Undefined for the start of an object or an array. */
function scalarOf(token: JsonToken): PortableValue | undefined {
  if (token.name === "stringValue") return { kind: "string", text: token.value };
  if (token.name === "numberValue") return { kind: "number", text: token.value };
  if (token.name === "trueValue" || token.name === "falseValue")
    return { kind: "boolean", text: String(token.value) };
  return token.name === "nullValue" ? { kind: "null", text: "" } : undefined;
}
