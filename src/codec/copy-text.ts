// Rows in PostgreSQL's COPY text format, as `COPY ... TO` writes it: fields between tabs, a row to a line, `\N` for NULL
// and six characters escaped. https://www.postgresql.org/docs/current/sql-copy.html, "Text Format".
import { constants } from "node:buffer";
import { HoldfastError } from "../core/errors.ts";
import { ROW_END } from "./rows.ts";

/** A value as PostgreSQL prints it; null: NULL. */
export type Field = string | null;

const NULL_MARK = String.raw`\N`;

const ESCAPES: Readonly<Record<string, string>> = {
  "\\": String.raw`\\`,
  "\b": String.raw`\b`,
  "\f": String.raw`\f`,
  "\n": String.raw`\n`,
  "\r": String.raw`\r`,
  "\t": String.raw`\t`,
  "\v": String.raw`\v`,
};
const UNESCAPES = new Map(Object.entries(ESCAPES).map(([character, escape]) => [escape, character]));
const ESCAPED = /[\\\b\f\n\r\t\v]/;
const ALL_ESCAPED = new RegExp(ESCAPED, "g");

/** The row as a line, with its end. */
export function formatRow(fields: readonly Field[]): string {
  return `${fields.map(formatField).join("\t")}\n`;
}

function formatField(field: Field): string {
  if (field === null) return NULL_MARK;
  // Most values have nothing to escape, and a test is cheaper than a replacement that replaces nothing.
  return ESCAPED.test(field) ? field.replace(ALL_ESCAPED, (character) => ESCAPES[character] ?? "") : field;
}

/**
 * Reads rows from chunks that may end anywhere, and gives them as they come, many at a time. Holds one row, or one chunk's.
 * @param columns how many fields a row has; a row of a table without columns is an empty line
 * @param label whose rows they are, for messages
 * @throws HoldfastError ARTIFACT_CORRUPT for what COPY does not write; BAD_INPUT for bytes that are not UTF-8, as a
 *   database of the encoding SQL_ASCII can hold, and for a row that is longer than a string can be; what `chunks` throws
 */
export async function* parseRows(
  chunks: AsyncIterable<Uint8Array>,
  columns: number,
  label: string,
): AsyncGenerator<Field[][]> {
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  for await (const chunk of chunks) {
    pendingBytes += chunk.length;
    if (pendingBytes > constants.MAX_STRING_LENGTH) throw rowTooLarge(label);
    const end = chunk.lastIndexOf(ROW_END) + 1;
    if (end === 0) {
      pending.push(chunk);
      continue;
    }
    const text = decode([...pending, chunk.subarray(0, end - 1)], label);
    pending = end < chunk.length ? [chunk.subarray(end)] : [];
    pendingBytes = chunk.length - end;
    yield text.split("\n").map((line) => parseLine(line, columns, label));
  }
  if (pending.length > 0) throw new HoldfastError("ARTIFACT_CORRUPT", `A row of ${label} has no end.`);
}

/** For a row that no string holds: Node's are of at most half a gigabyte. */
export function rowTooLarge(label: string, cause?: unknown): HoldfastError {
  return new HoldfastError("BAD_INPUT", `A row of ${label} is too large to be read as text.`, {
    hint: "Keep to the artifact, which holds rows of any size; only as JSON it cannot be written.",
    cause,
  });
}

function decode(pieces: readonly Uint8Array[], label: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      pieces.length === 1 ? pieces[0] : Buffer.concat(pieces),
    );
  } catch (error) {
    throw new HoldfastError("BAD_INPUT", `A row of ${label} cannot be read as text in UTF-8.`, {
      hint: "Keep to the artifact, which holds every byte as it was; only as JSON it cannot be written.",
      cause: error,
    });
  }
}

function parseLine(line: string, columns: number, label: string): Field[] {
  const fields = columns === 0 && line === "" ? [] : line.split("\t");
  if (fields.length !== columns) {
    throw new HoldfastError(
      "ARTIFACT_CORRUPT",
      `A row of ${label} has ${fields.length} fields instead of ${columns}.`,
    );
  }
  return line.includes("\\") ? fields.map((field) => parseField(field, label)) : fields;
}

function parseField(field: string, label: string): Field {
  if (field === NULL_MARK) return null;
  if (!field.includes("\\")) return field;
  return field.replaceAll(/\\.?/gs, (escape) => {
    const character = UNESCAPES.get(escape);
    if (character === undefined)
      throw new HoldfastError(
        "ARTIFACT_CORRUPT",
        `A row of ${label} has an escape that COPY does not write.`,
      );
    return character;
  });
}
