// Reads an object of the configuration file key by key. What is not there is undefined; what is not as it should be is
// undefined too, and among the faults.
import { kindOf, memberKey, suggest, type Faults } from "./faults.ts";

export interface Item {
  readonly key: string;
  readonly value: unknown;
}

export class Section {
  readonly key: string;
  readonly faults: Faults;
  readonly #values: Readonly<Record<string, unknown>>;

  private constructor(key: string, values: Readonly<Record<string, unknown>>, faults: Faults) {
    this.key = key;
    this.faults = faults;
    this.#values = values;
  }

  /** undefined, with a fault, for anything but an object. @param example what it looks like */
  static read(item: Item, example: string, faults: Faults): Section | undefined {
    const { key, value } = item;
    if (isRecord(value)) return new Section(key, value, faults);
    faults.add(key, `is ${kindOf(value)}; write ${example}`);
    return undefined;
  }

  /** The names that are given a value. */
  names(): string[] {
    return Object.keys(this.#values).filter((name) => this.has(name));
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined;
  }

  item(name: string): Item {
    return { key: memberKey(this.key, name), value: this.#values[name] };
  }

  items(): (Item & { readonly name: string })[] {
    return this.names().map((name) => ({ name, ...this.item(name) }));
  }

  fault(name: string, problem: string): undefined {
    this.faults.add(memberKey(this.key, name), problem);
  }

  /** Names every key that is not known. */
  allow(...known: readonly string[]): void {
    for (const name of this.names())
      if (!known.includes(name)) this.fault(name, `is not known here; ${suggest(name, known)}`);
  }

  /** @param example what it looks like; given: it has to be there */
  text(name: string, example?: string): string | undefined {
    const value = this.#values[name];
    if (value === undefined && example === undefined) return undefined;
    if (typeof value === "string" && value.trim() !== "") return value;
    const write = `write ${example ?? "a text, or leave it out"}`;
    if (value === "") return this.fault(name, `is empty; ${write}`);
    if (value === undefined) return this.fault(name, `is missing; ${write}`);
    return this.fault(name, `is ${kindOf(value)}; ${write}`);
  }

  flag(name: string): boolean | undefined {
    const value = this.#values[name];
    if (value === undefined || typeof value === "boolean") return value;
    return this.fault(name, `is ${kindOf(value)}; write true or false`);
  }

  oneOf<const Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined {
    const value = this.#values[name];
    if (value === undefined) return undefined;
    const choice = choices.find((candidate) => candidate === value);
    return choice ?? this.fault(name, `is not one of ${choices.join(", ")}`);
  }

  /** The elements of a list. */
  list(name: string, example: string): Item[] | undefined {
    const { key, value } = this.item(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) return this.fault(name, `is ${kindOf(value)}; write ${example}`);
    return Array.from(value, (element: unknown, place) => ({ key: `${key}[${place}]`, value: element }));
  }

  section(name: string, example: string): Section | undefined {
    return this.has(name) ? Section.read(this.item(name), example, this.faults) : undefined;
  }
}

/** Plain objects alone: a Map or a promise has no keys, and would be taken for nothing at all. */
function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
