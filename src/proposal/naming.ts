// Good names for whatever stands in a database: letters, digits and underscores, each once, and none that Holdfast has itself.
import { SYSTEM_GROUPS } from "../core/system-catalog.ts";
import { wordsOf } from "./words.ts";

const lower = (name: string): string => name.toLowerCase();

/** Names that entities of a configuration file cannot have. */
export const OWN_ENTITIES: readonly string[] = Object.values(SYSTEM_GROUPS).flatMap((entities) =>
  Object.keys(entities).map(lower),
);
/** A group's name is a part of its permissions' names, so the names in those of Holdfast's own are taken as well. */
export const OWN_GROUPS: readonly string[] = [
  ...Object.keys(SYSTEM_GROUPS).map(lower),
  ...Object.values(SYSTEM_GROUPS)
    .flatMap((entities) => Object.values(entities).flatMap(({ read, write }) => [read, write].flat()))
    .map((permission) => lower(permission.replace(/^(READ|WRITE)_/, ""))),
];

/** Letters that are not another letter with an accent. */
const LETTERS: Readonly<Record<string, string>> = {
  ß: "ss",
  æ: "ae",
  œ: "oe",
  ø: "o",
  đ: "d",
  ð: "d",
  ł: "l",
  þ: "th",
  ı: "i",
};

/** Starts with a letter; empty where the name has no letter or digit that can be kept. */
function identifierOf(name: string): string {
  const words = wordsOf(name)
    .map((word) => word.replaceAll(/[^a-z0-9]/g, (letter) => LETTERS[letter] ?? ""))
    .filter((word) => word !== "");
  const joined = words.join("_");
  return /^\d/.test(joined) ? `table_${joined}` : joined;
}

export interface Named {
  readonly schema: string;
  readonly name: string;
}

/**
 * A name for each, in their order. The schema stands before a name that another schema has as well, or that is taken.
 * @param taken names that nobody may have
 * @param home what stands for the schema `public`
 */
export function nameEach<T extends Named>(
  things: readonly T[],
  taken: readonly string[],
  home: string,
): Map<T, string> {
  const used = new Set(taken);
  const schemas = Map.groupBy(things, (thing) => identifierOf(thing.name));
  const names = new Map<T, string>();
  // Those of the schema that everybody takes for granted keep their names.
  for (const isHome of [true, false]) {
    for (const thing of things) {
      if ((thing.schema === "public") !== isHome) continue;
      const plain = identifierOf(thing.name) || "table";
      const others = new Set((schemas.get(identifierOf(thing.name)) ?? []).map(({ schema }) => schema));
      const schema = isHome ? home : identifierOf(thing.schema) || home;
      const qualified = plain.startsWith(`${schema}_`) ? plain : `${schema}_${plain}`;
      const mayBePlain = isHome || others.size <= 1;
      const name = firstFree(mayBePlain ? [plain, qualified] : [qualified], used);
      used.add(name);
      names.set(thing, name);
    }
  }
  return names;
}

function firstFree(choices: readonly string[], used: ReadonlySet<string>): string {
  const free = choices.find((choice) => !used.has(choice));
  if (free !== undefined) return free;
  const last = choices.at(-1) ?? "table";
  for (let number = 2; ; number++) if (!used.has(`${last}_${number}`)) return `${last}_${number}`;
}
