// What is wrong with a configuration file, each fault with its key in the file.
import { closest, distance } from "fastest-levenshtein";

/** Collects faults, as `groups.people.entities.customers.tables[1]: what is wrong, and what to write instead`. */
export class Faults {
  readonly list: string[] = [];

  /** @param problem repeats no value that may be a secret */
  add(key: string, problem: string): void {
    this.list.push(key === "" ? problem : `${key}: ${problem}`);
  }
}

/** The key of a member: `groups.people`, or `groups["my people"]` where the file has to quote it too. */
export function memberKey(parent: string, name: string): string {
  if (!/^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(name)) return `${parent}[${JSON.stringify(name)}]`;
  return parent === "" ? name : `${parent}.${name}`;
}

/** More names than a person reads. */
const NAMED_MAX = 12;

/** `did you mean X?` where one of the names is near, else what there is; "" where there is nothing. */
export function suggest(name: string, known: readonly string[]): string {
  if (known.length === 0) return "";
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, "");
  const alike = known.find((candidate) => plain(candidate) === plain(name));
  const nearest = alike ?? closest(name, [...known]);
  const near = alike !== undefined || distance(name, nearest) <= Math.max(2, name.length / 3);
  if (near) return `did you mean ${nearest}?`;
  if (known.length === 1) return `there is ${nearest}`;
  return `there are ${known.slice(0, NAMED_MAX).join(", ")}${known.length > NAMED_MAX ? ", ..." : ""}`;
}

/** What a value is, for messages that must not repeat it. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object of another kind";
  return typeof value === "undefined" ? "undefined" : `a ${typeof value}`;
}
