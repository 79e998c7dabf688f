// Which rows of an entity a restore takes: the selections as requests bring them, and the text form in which people write
// them (`users:id=42`), both ways.
import { catalogName, entityNamed, isCatalogName, type Catalog } from "./catalog.ts";
import { HoldfastError } from "./errors.ts";
import type { RestoreMode, RowSelection } from "./run.ts";

/** More are a whole entity's restore. */
const MAX_SELECTORS = 10_000;
const MAX_CHARACTERS = 10_000;

/** What each selector of a restore must find at least one row for: a key, equal columns, or both. */
export interface RowSelector {
  readonly entity: string;
  readonly key?: string | undefined;
  readonly match: readonly { readonly column: string; readonly equals: string }[];
}

/**
 * Reads `entity:KEY` or `entity:column=value,...` as it is typed. Between commas stand the columns of a longer key, or the
 * columns that all have to be equal. A value (or the name of a column) with a comma or a quote in it stands between double
 * quotes, in which a double quote is written twice; so does a key with an equals sign.
 * @returns a selection by one key or by columns; whether there is such an entity is not asked
 * @throws HoldfastError BAD_INPUT saying where the text cannot be read and what to write instead
 */
export function parseRowSelection(text: string): RowSelection {
  const colon = text.indexOf(":");
  const entity = catalogName(text.slice(0, colon).trim());
  if (colon === -1 || !isCatalogName(entity)) throw unreadable(text, "it names no entity");
  const rest = text.slice(colon + 1);
  if (rest === "") throw unreadable(text, "it names no row");
  const pieces = readPieces(text, rest);
  const keys = pieces.filter(({ column }) => column === undefined);
  if (keys.length === pieces.length) return { entity, keys: [formatKey(keys.map(({ value }) => value))] };
  const match = pieces.map(({ column, value }) => {
    if (column === undefined)
      throw unreadable(
        text,
        `${JSON.stringify(value)} stands for no column`,
        "put a value with a comma in quotes",
      );
    return { column, equals: value };
  });
  return { entity, match };
}

/** One piece between commas: a value alone, or a column with its value. */
interface Piece {
  readonly column?: string;
  readonly value: string;
}

const QUOTED = /"((?:[^"]|"")*)"/y;
const COLUMN = /([^",=]+)=/y;
const PLAIN = /[^,]*/y;

function readPieces(text: string, rest: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(rest);
    if (found === null) return undefined;
    at = pattern.lastIndex;
    return found[1] ?? found[0];
  };
  const takeQuoted = (): string | undefined => {
    const quoted = take(QUOTED);
    if (quoted === undefined && rest[at] === '"') throw unreadable(text, "a quote is not closed");
    return quoted?.replaceAll('""', '"');
  };
  const takeValue = (): string => takeQuoted() ?? take(PLAIN) ?? "";
  for (;;) {
    const quoted = takeQuoted();
    if (quoted === undefined) {
      const column = take(COLUMN)?.trim();
      pieces.push(column === undefined ? { value: takeValue() } : { column, value: takeValue() });
    } else if (rest[at] === "=") {
      at += 1;
      pieces.push({ column: quoted, value: takeValue() });
    } else pieces.push({ value: quoted });
    if (at === rest.length) return pieces;
    if (rest[at] !== ",") throw unreadable(text, "something follows a closing quote");
    at += 1;
  }
}

function unreadable(text: string, why: string, what?: string): HoldfastError {
  const hint =
    "Write a key (users:42, order_items:7,3) or columns (users:email=a@b.c, templates:name=Welcome,locale=en)";
  return new HoldfastError("BAD_INPUT", `${JSON.stringify(text)} selects no rows: ${why}.`, {
    hint: `${hint}; ${what ?? 'a value with a comma or a quote stands in double quotes: templates:name="Hello, ""World"""'}.`,
  });
}

/** A key as `RowSelection` has it: the text of a single column as it is, those of several joined by commas. */
export function formatKey(values: readonly string[]): string {
  const [only] = values;
  if (only !== undefined && values.length === 1) return only;
  return values.map((value) => (/[",]/.test(value) ? quote(value) : value)).join(",");
}

/**
 * The texts of a key's columns.
 * @returns undefined where the text is not that many
 */
export function splitKey(key: string, columns: number): readonly string[] | undefined {
  if (columns === 1) return [key];
  const values: string[] = [];
  const piece = /(?:"((?:[^"]|"")*)"|([^,]*))(,|$)/y;
  for (;;) {
    const found = piece.exec(key);
    if (found === null) return undefined;
    values.push(found[1]?.replaceAll('""', '"') ?? found[2] ?? "");
    if (found[3] === "") return values.length === columns ? values : undefined;
  }
}

/** As {@link parseRowSelection} reads it, unless it has both a key and columns. */
export function describeSelector({ entity, key, match }: RowSelector): string {
  const columns = match.map(
    ({ column, equals }) =>
      `${/[",=]/.test(column) ? quote(column) : column}=${/[",]/.test(equals) ? quote(equals) : equals}`,
  );
  const clauses = columns.join(",");
  const name = entity.toLowerCase();
  if (key === undefined) return `${name}:${clauses}`;
  const plain = `${name}:${key}`;
  const typed = isReadAs(plain, key) ? plain : `${name}:${quote(key)}`;
  return clauses === "" ? typed : `${typed} where ${clauses}`;
}

const quote = (value: string): string => `"${value.replaceAll('"', '""')}"`;

/** What {@link parseRowSelection} reads as these selections, which are of one key or of columns. */
export function formatRowSelections(selections: readonly RowSelection[]): string[] {
  return selectorsOf(selections).map(describeSelector);
}

function isReadAs(text: string, key: string): boolean {
  try {
    const { keys } = parseRowSelection(text);
    return keys?.[0] === key;
  } catch {
    return false;
  }
}

/** One for each key, and one for each selection without keys. */
export function selectorsOf(selections: readonly RowSelection[]): RowSelector[] {
  return selections.flatMap(({ entity, keys, match = [] }): RowSelector[] =>
    keys === undefined ? [{ entity, match }] : keys.map((key) => ({ entity, key, match })),
  );
}

/** @throws HoldfastError BAD_INPUT for REPLACE */
export function checkRowsMode(mode: RestoreMode): void {
  if (mode === "REPLACE") {
    throw new HoldfastError(
      "BAD_INPUT",
      "Chosen rows cannot be restored with REPLACE, which would delete all others.",
      {
        hint: "Use MERGE, or INSERT_MISSING to change no row that is there.",
      },
    );
  }
}

/**
 * Holds the selections of a restore to what can be asked for, and puts them in one order, each once: the same rows are
 * the same plan, however they were named.
 * @throws HoldfastError BAD_INPUT for REPLACE, for an unknown entity, for a selection of nothing or of too much, and for text
 *   that no database keeps
 */
export function checkRowSelections(
  catalog: Catalog,
  selections: readonly RowSelection[],
  mode: RestoreMode,
): RowSelection[] {
  checkRowsMode(mode);
  if (selections.length === 0) throw new HoldfastError("BAD_INPUT", "`rows` is empty.");
  const checked = selections.map((selection) => checkSelection(catalog, selection));
  const total = selectorsOf(checked).length;
  if (total > MAX_SELECTORS) {
    throw new HoldfastError("BAD_INPUT", `\`rows\` names ${total} rows; it may name ${MAX_SELECTORS}.`, {
      hint: "Restore the entity as a whole, or in several restores.",
    });
  }
  const byText = new Map(checked.map((selection) => [JSON.stringify(selection), selection]));
  return [...byText].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, selection]) => selection);
}

function checkSelection(catalog: Catalog, { entity, keys, match }: RowSelection): RowSelection {
  const { name } = entityNamed(catalog, entity);
  const columns = match ?? [];
  if (keys?.length === 0) throw new HoldfastError("BAD_INPUT", `\`keys\` of ${name} is empty.`);
  if (keys === undefined && columns.length === 0) {
    throw new HoldfastError("BAD_INPUT", `The selection of ${name} says neither keys nor columns.`, {
      hint: `Leave it out of \`rows\`, and name ${name} in \`entities\` for all of its rows.`,
    });
  }
  for (const text of [...(keys ?? []), ...columns.flatMap(({ column, equals }) => [column, equals])]) {
    if (text.length <= MAX_CHARACTERS && !text.includes("\0") && text.isWellFormed()) continue;
    throw new HoldfastError("BAD_INPUT", `The selection of ${name} has a text that no column holds.`, {
      hint: `It has up to ${MAX_CHARACTERS} characters, and no NUL.`,
    });
  }
  return {
    entity: name,
    ...(keys && { keys: [...new Set(keys)].toSorted() }),
    ...(columns.length > 0 && {
      match: columns
        .map(({ column, equals }) => ({ column, equals }))
        .toSorted((one, other) => (one.column < other.column ? -1 : 1)),
    }),
  };
}
