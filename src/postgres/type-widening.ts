// Which column types hold every value of another, so that rows of a backup may be loaded into a column that was widened since.
// Pure: types are the texts that format_type prints.

interface ParsedType {
  /** Without modifiers and array brackets. */
  readonly base: string;
  readonly modifiers: readonly number[];
  readonly array: boolean;
}

const WHOLE_NUMBERS = ["smallint", "integer", "bigint", "numeric"];
const TEXTS = new Set(["text", "character varying"]);
/** Types whose one modifier is a length or a precision that may only grow. */
const GROWING = new Set([
  "character varying",
  "bit varying",
  "time without time zone",
  "time with time zone",
  "timestamp without time zone",
  "timestamp with time zone",
  "interval",
]);

/**
 * Whether each value of `from`, as COPY prints it, is read back as the same value by `to`. When in doubt, no: PostgreSQL would
 * round or cut some types without a word.
 */
export function holdsEveryValue(to: string, from: string): boolean {
  if (to === from) return true;
  const wide = parseType(to);
  const narrow = parseType(from);
  if (wide.array !== narrow.array) return false;
  if (TEXTS.has(wide.base) && wide.modifiers.length === 0) return narrow.base !== "character";
  if (wide.base === "numeric" && wide.modifiers.length === 0) return WHOLE_NUMBERS.includes(narrow.base);
  if (wide.base !== narrow.base) {
    const place = WHOLE_NUMBERS.indexOf(narrow.base);
    return place >= 0 && place < WHOLE_NUMBERS.indexOf(wide.base) && wide.modifiers.length === 0;
  }
  if (wide.base === "numeric") return holdsEveryNumeric(wide.modifiers, narrow.modifiers);
  return GROWING.has(wide.base) && (wide.modifiers[0] ?? Infinity) >= (narrow.modifiers[0] ?? Infinity);
}

function holdsEveryNumeric(wide: readonly number[], narrow: readonly number[]): boolean {
  const [precision, scale = 0] = wide;
  const [narrowPrecision, narrowScale = 0] = narrow;
  if (precision === undefined) return true;
  if (narrowPrecision === undefined) return false;
  return scale >= narrowScale && precision - scale >= narrowPrecision - narrowScale;
}

/** `timestamp(3) without time zone[]` is timestamp without time zone, 3, array. */
function parseType(text: string): ParsedType {
  const array = text.endsWith("[]");
  const scalar = array ? text.slice(0, -2) : text;
  const modifiers = /\(([\d,-]+)\)/.exec(scalar);
  return {
    base: scalar.replace(/\([\d,-]+\)/, ""),
    modifiers: modifiers?.[1] === undefined ? [] : modifiers[1].split(",").map(Number),
    array,
  };
}
