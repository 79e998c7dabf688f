// Questions whose answer is some of a number of names.
import { closest } from "fastest-levenshtein";
import { UsageError, warn } from "../failure.ts";
import { askLine } from "./prompt.ts";

export interface NameQuestion {
  readonly text: string;
  readonly known: readonly string[];
  /** What Enter alone means. */
  readonly byDefault: readonly string[];
  /** What the names are names of. */
  readonly noun: "schema" | "entity";
}

/** Says none. */
const NONE = "-";

/**
 * Asks until the answer is understood: names with commas, Enter for what is proposed, `-` for none.
 * @throws as {@link askLine}
 */
export async function askNames(question: NameQuestion, signal: AbortSignal): Promise<readonly string[]> {
  const { text, known, byDefault, noun } = question;
  const proposed =
    byDefault.length === known.length ? "all" : byDefault.length === 0 ? "none" : byDefault.join(", ");
  const none = byDefault.length === 0 || noun === "schema" ? "" : `; ${NONE}: none`;
  for (;;) {
    const answer = await askLine(`${text} (names with commas; Enter: ${proposed}${none})`, signal);
    const given = (answer ?? "").split(",").map((name) => name.trim());
    const names = given.filter((name) => name !== "");
    if (names.length === 0) return byDefault;
    if (names.length === 1 && names[0] === NONE && none !== "") return [];
    try {
      return chooseNames(names, known, noun);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      warn([error.message, error.hint ?? ""].join(" ").trim());
    }
  }
}

/** The names, all of them known. @throws UsageError with the nearest for one that is not */
export function chooseNames(
  names: readonly string[],
  known: readonly string[],
  noun: NameQuestion["noun"],
): string[] {
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return [...new Set(names)];
  const hint = known.length === 0 ? undefined : `Did you mean ${closest(unknown, [...known])}?`;
  throw new UsageError(`There is no ${noun} ${unknown}.`, hint);
}
