// Values in the portable form: what PostgreSQL prints, as JSON that loses nothing, and back. What a person would expect
// to see as a number, a boolean or a document is one, as long as programs that hold numbers as doubles (`jq`, JavaScript)
// pass it on unchanged; everything else is a string with PostgreSQL's own text.
import type { Field } from "../codec/copy-text.ts";

/** `jq` 1.6 refuses documents that are nested any deeper than 256. */
const DEPTH_MAX = 100;

const INTEGERS: ReadonlySet<string> = new Set(["smallint", "integer", "bigint"]);

/** Prints a column's values, NULL among them, as JSON. @param type as `format_type` prints it */
export function valuePrinter(type: string): (field: Field) => string {
  const print = printerOf(type);
  return (field) => (field === null ? "null" : print(field));
}

function printerOf(type: string): (text: string) => string {
  if (type === "boolean") return (text) => (text === "t" ? "true" : "false");
  if (INTEGERS.has(type)) return (text) => (Number.isSafeInteger(Number(text)) ? text : JSON.stringify(text));
  if (type === "jsonb") return (text) => (isPlain(text) ? text : JSON.stringify(text));
  // Of `json` even the spaces and doubled keys are kept, which no JSON parser would.
  return (text) => JSON.stringify(text);
}

/** Starts of strings, whole numbers, and brackets; within a document, nothing else needs a look. */
const LEXEMES = /["[\]{}]|-?\d[\d.eE+-]*/g;

/**
 * Whether a jsonb value may stand in the document as it is: it is no string and no null, which are for text in JSON and for
 * NULL, it is not nested too deeply, and every number in it is what a double prints.
 */
function isPlain(text: string): boolean {
  if (text.startsWith('"') || text === "null") return false;
  const lexemes = new RegExp(LEXEMES);
  let depth = 0;
  for (let match = lexemes.exec(text); match !== null; match = lexemes.exec(text)) {
    const [lexeme] = match;
    if (lexeme === '"') lexemes.lastIndex = stringEnd(text, lexemes.lastIndex);
    else if (lexeme === "{" || lexeme === "[") depth += 1;
    else if (lexeme === "}" || lexeme === "]") depth -= 1;
    else if (String(Number(lexeme)) !== lexeme) return false;
    if (depth > DEPTH_MAX) return false;
  }
  return true;
}

/**
 * Where a string ends that has begun before `from`. By hand: an expression that matches whole strings runs out of stack in one of
 * some megabytes.
 */
function stringEnd(text: string, from: number): number {
  for (let at = from; ;) {
    const quote = text.indexOf('"', at);
    if (quote === -1) return text.length;
    let start = quote;
    while (text[start - 1] === "\\") start -= 1;
    if ((quote - start) % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

/** A value as it was found in the document: a scalar's text, or that of a whole object or array. */
export interface PortableValue {
  readonly kind: "null" | "string" | "number" | "boolean" | "document";
  readonly text: string;
}

/** A column's value in PostgreSQL's text; undefined for what cannot be one of that type. @param type as `format_type` prints it */
export function readValue(type: string, { kind, text }: PortableValue): Field | undefined {
  if (kind === "null") return null;
  if (kind === "string") return text;
  if (type === "jsonb" || type === "json") return text;
  if (kind === "boolean") return type === "boolean" ? text.slice(0, 1) : undefined;
  if (kind === "number") return INTEGERS.has(type) ? integerText(text) : text;
  return undefined;
}

/** Programs print whole numbers as `1e15` or `3.0` too, which PostgreSQL does not take. */
function integerText(text: string): string {
  const number = Number(text);
  return Number.isSafeInteger(number) ? String(number) : text;
}
