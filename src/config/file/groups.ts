// The groups and entities of a configuration file, as declarations for the catalog.
import {
  catalogName,
  isCatalogName,
  OWN_DATABASE,
  tableKey,
  type EntityDeclaration,
  type TableName,
} from "../../core/catalog.ts";
import { SYSTEM_GROUPS } from "../../core/system-catalog.ts";
import { formatTableReference } from "../../core/table-reference.ts";
import { suggest, type Faults } from "./faults.ts";
import { Section, type Item } from "./section.ts";
import { readTable } from "./tables.ts";

const ENTITY = 'entity({ tables: ["public.customers"] })';
const GROUP = `{ entities: { customers: ${ENTITY} } }`;
const ENTITY_KEYS = ["tables", "database", "read", "write", "optIn", "label", "keyless"];
/** Schemas that are no application's. */
const FOREIGN_SCHEMA = /^(?:pg_catalog|information_schema|pg_toast.*|pg_temp.*)$/;

/** An entity of the file, with what messages need to name it. */
export interface FileEntity {
  readonly name: string;
  /** Its key in the file; its tables are `<key>.tables[0]`, ... */
  readonly key: string;
  readonly declaration: EntityDeclaration & { readonly database: string };
  /** Whether tables without a key are meant to be there. */
  readonly keyless: boolean;
}

export interface FileGroup {
  readonly name: string;
  readonly entities: readonly FileEntity[];
}

/** @param databases that the file names; Holdfast's own is there besides */
export function readGroups(root: Section, databases: readonly string[]): FileGroup[] | undefined {
  const section = root.section("groups", `{ people: ${GROUP} }`);
  if (section === undefined) return undefined;
  if (section.names().length === 0)
    root.fault("groups", "is empty; declare a group, or leave it out for the built-in platform's");
  const reader = new GroupReader(root.faults, databases);
  return section.items().map((item) => reader.readGroup(item));
}

class GroupReader {
  readonly #faults: Faults;
  readonly #databases: readonly string[];
  /** Where each name and each table was first seen. */
  readonly #groups = new Map<string, string>();
  readonly #entities = new Map<string, string>();
  readonly #tables = new Map<string, string>();
  readonly #ownPermissions = new Set<string>();

  constructor(faults: Faults, databases: readonly string[]) {
    this.#faults = faults;
    this.#databases = databases;
    for (const [group, entities] of Object.entries(SYSTEM_GROUPS)) {
      this.#groups.set(group, "a group of Holdfast's own");
      for (const [name, { tables, read, write }] of Object.entries(entities)) {
        this.#entities.set(name, "an entity of Holdfast's own");
        for (const table of tables)
          this.#tables.set(tableKey(OWN_DATABASE, table), `Holdfast's own entity ${name}`);
        for (const permission of [read, write].flat()) this.#ownPermissions.add(permission);
      }
    }
  }

  readGroup(item: Item & { readonly name: string }): FileGroup {
    const name = this.#readName(item, "group", this.#groups);
    const section = Section.read(item, GROUP, this.#faults);
    section?.allow("entities");
    if (section !== undefined && !section.has("entities"))
      section.fault("entities", `is missing; write ${GROUP}`);
    const entities = section?.section("entities", `{ customers: ${ENTITY} }`);
    if (entities?.names().length === 0)
      section?.fault("entities", "is empty; declare an entity, or leave the group out");
    return { name, entities: (entities?.items() ?? []).flatMap((entity) => this.#readEntity(entity) ?? []) };
  }

  #readEntity(item: Item & { readonly name: string }): FileEntity | undefined {
    const { key } = item;
    const name = this.#readName(item, "entity", this.#entities);
    const section = Section.read(item, ENTITY, this.#faults);
    if (section === undefined) return undefined;
    section.allow(...ENTITY_KEYS);
    const database = this.#readDatabase(section);
    const declaration = {
      label: section.text("label") ?? labelOf(name),
      database,
      tables: this.#readTables(section, database),
      read: this.#readPermissions(section, "read", name),
      write: this.#readPermissions(section, "write", name),
      optIn: section.flag("optIn") ?? false,
    };
    return { name, key, declaration, keyless: section.flag("keyless") ?? false };
  }

  /** The catalog's form of the name. */
  #readName(
    { name, key }: Item & { readonly name: string },
    kind: "group" | "entity",
    taken: Map<string, string>,
  ): string {
    const upper = catalogName(name);
    const owner = taken.get(upper);
    if (!isCatalogName(upper))
      this.#faults.add(
        key,
        `is no name of a${kind === "entity" ? "n" : ""} ${kind}; write Latin letters, digits and _, a letter first`,
      );
    else if (owner !== undefined) {
      const other = owner.startsWith("a") ? `app${name.charAt(0).toUpperCase()}${name.slice(1)}` : undefined;
      this.#faults.add(
        key,
        `clashes with ${owner}: both are ${upper}; ${other === undefined ? "give it another name" : `call it ${other}, for example`}`,
      );
    } else taken.set(upper, key);
    return upper;
  }

  #readDatabase(section: Section): string {
    const known = [...this.#databases, OWN_DATABASE];
    const given = section.text("database");
    if (given === undefined) {
      const [only = OWN_DATABASE, ...others] = this.#databases;
      if (others.length > 0 && !section.has("database"))
        section.fault("database", `is missing, for there are several; write one of ${known.join(", ")}`);
      return only;
    }
    if (!known.includes(given)) section.fault("database", `names no database; ${suggest(given, known)}`);
    return given;
  }

  #readTables(section: Section, database: string): TableName[] {
    const example = '["public.customers"]';
    if (!section.has("tables")) section.fault("tables", `is missing; write ${example}`);
    const given = section.list("tables", example);
    if (given?.length === 0) section.fault("tables", `is empty; name at least one table: ${example}`);
    return (given ?? []).flatMap(({ key, value }) => {
      const table = readTable(value);
      if (typeof table === "string") {
        this.#faults.add(key, table);
        return [];
      }
      this.#claimTable(key, database, table);
      return table;
    });
  }

  #claimTable(key: string, database: string, table: TableName): void {
    const label = formatTableReference(table);
    if (FOREIGN_SCHEMA.test(table.schema))
      this.#faults.add(key, `${label} is PostgreSQL's own; leave it out`);
    else if (database === OWN_DATABASE && table.schema === "holdfast")
      this.#faults.add(key, `${label} is Holdfast's own record of backups, which is in none; leave it out`);
    const place = tableKey(database, table);
    const owner = this.#tables.get(place);
    if (owner === undefined) this.#tables.set(place, key);
    else this.#faults.add(key, `${label} is in ${owner} already; a table is in one entity, once`);
  }

  #readPermissions(section: Section, access: "read" | "write", entity: string): readonly string[] {
    const byDefault = `${access.toUpperCase()}_${entity}`;
    const { key, value } = section.item(access);
    if (value === undefined) {
      if (this.#ownPermissions.has(byDefault))
        section.fault(access, `is missing, and ${byDefault} is Holdfast's own; write another permission`);
      return [byDefault];
    }
    const given = typeof value === "string" ? [{ key, value }] : section.list(access, `"${byDefault}"`);
    if (given?.length === 0)
      section.fault(access, `is empty: anybody could ${access}; write "${byDefault}", or leave it out`);
    return (given ?? []).flatMap((item) => {
      if (typeof item.value === "string" && isCatalogName(item.value)) return item.value;
      const meant = typeof item.value === "string" ? catalogName(item.value) : "";
      const write = isCatalogName(meant) ? meant : byDefault;
      this.#faults.add(item.key, `is no name of a permission; write upper case with underscores: "${write}"`);
      return [];
    });
  }
}

/** `ORDER_LINES`: "Order lines". */
function labelOf(name: string): string {
  const words = name.toLowerCase().replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
