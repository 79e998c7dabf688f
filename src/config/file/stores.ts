// The stores of a configuration file.
import { storeDeclarationSchema, type StoreDeclaration } from "../../core/store-declaration.ts";
import { suggest, type Faults } from "./faults.ts";
import { Section, type Item } from "./section.ts";

const EXAMPLE = 'stores.fs({ directory: "/var/backups" }), stores.sftp({ ... }) or stores.s3({ ... })';
const KINDS = ["fs", "sftp", "s3"] as const;
const NAME = /^[a-z][a-z0-9_-]*$/i;

export interface Stores {
  readonly declared: ReadonlyMap<string, StoreDeclaration>;
  /** Where a backup goes that names no stores. */
  readonly byDefault: readonly string[];
}

/** @param local what there is where the file declares no stores, and its name */
export function readStores(root: Section, local: readonly [string, StoreDeclaration]): Stores {
  const section = root.section("stores", `{ local: ${EXAMPLE.split(",")[0]} }`);
  const declared = new Map<string, StoreDeclaration>();
  for (const item of section?.items() ?? []) {
    if (!NAME.test(item.name))
      root.faults.add(item.key, "is no name of a store; write letters, digits, - and _, a letter first");
    const store = readStore(item, root.faults);
    if (store !== undefined) declared.set(item.name, store);
  }
  const names = section?.names() ?? [];
  if (!root.has("stores")) {
    declared.set(...local);
    names.push(local[0]);
  } else if (section !== undefined && names.length === 0) {
    root.fault("stores", "is empty; declare a store, or leave it out for one in the data directory");
  }
  return { declared, byDefault: readDefaults(root, names) };
}

function readDefaults(root: Section, names: readonly string[]): string[] {
  const given = root.list("defaultStores", '["local"]');
  if (given?.length === 0) root.fault("defaultStores", "is empty; name a store, or leave it out");
  if (given === undefined || given.length === 0)
    return names.includes("local") ? ["local"] : names.slice(0, 1);
  const chosen = new Set<string>();
  for (const { key, value } of given) {
    if (typeof value !== "string" || !names.includes(value)) {
      const name = typeof value === "string" ? value : "";
      root.faults.add(key, `names no store; ${suggest(name, names)}`);
    } else if (chosen.has(value)) root.faults.add(key, `names ${value} again`);
    else chosen.add(value);
  }
  return [...chosen];
}

function readStore(item: Item, faults: Faults): StoreDeclaration | undefined {
  const section = Section.read(item, EXAMPLE, faults);
  if (section === undefined) return undefined;
  const kind = KINDS.find((candidate) => candidate === section.item("kind").value);
  if (kind === undefined) {
    faults.add(item.key, `is no store; write ${EXAMPLE}`);
    return undefined;
  }
  // An option that is undefined is left out.
  const options = Object.fromEntries(section.items().map(({ name, value }) => [name, value]));
  const read = storeDeclarationSchema.safeParse(options);
  if (read.success) return read.data;
  for (const issue of read.error.issues) {
    const [name] = issue.path.map(String);
    if (issue.code === "unrecognized_keys")
      for (const unknown of issue.keys)
        section.fault(unknown, `is not known here; ${suggest(unknown, knownKeys(kind))}`);
    else if (name === undefined) faults.add(item.key, issue.message);
    else section.fault(name, section.has(name) ? messageOf(issue) : "is missing");
  }
  return undefined;
}

/** What the schema has no words of its own for. */
function messageOf({ code, message }: { readonly code: string; readonly message: string }): string {
  return code === "invalid_type" ? "must be another kind of value" : message;
}

function knownKeys(kind: StoreDeclaration["kind"]): string[] {
  const schema = storeDeclarationSchema.options.find(({ shape }) => shape.kind.value === kind);
  return Object.keys(schema?.shape ?? {}).filter((name) => name !== "kind");
}
