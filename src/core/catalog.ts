// The catalog: which entities there are, in which groups, over which tables, and which permissions they need.
// Pure: tables are names here; whether they exist is for src/postgres to say.
import { HoldfastError } from "./errors.ts";
import { someNames } from "./some.ts";

/** A table as it is written in the catalog and in artifacts: schema and name, unquoted. */
export interface TableName {
  readonly schema: string;
  readonly name: string;
}

/** An entity: a named set of tables that is backed up and restored together. */
export interface Entity {
  /** As in GraphQL: upper case with underscores. */
  readonly name: string;
  readonly group: string;
  /** For people. */
  readonly label: string;
  /** Which configured database the tables are in. */
  readonly database: string;
  /** The entity's own table first, those that belong to it after. */
  readonly tables: readonly TableName[];
  readonly readPermissions: readonly string[];
  readonly writePermissions: readonly string[];
  /** Left out of a backup unless asked for. */
  readonly optIn: boolean;
}

export interface EntityGroup {
  readonly name: string;
  readonly entities: readonly Entity[];
}

export interface Catalog {
  readonly groups: readonly EntityGroup[];
  /** Every entity by name, in the catalog's order. */
  readonly entities: ReadonlyMap<string, Entity>;
  /** Every permission there is, in the catalog's order: those of the entities, then MANAGE_BACKUPS and RESTORE_UNTRUSTED. */
  readonly permissions: readonly string[];
}

/** What an entity is declared with; see `config.md` for the same in a configuration file. */
export interface EntityDeclaration {
  readonly label: string;
  readonly tables: readonly TableName[];
  readonly read: string | readonly string[];
  readonly write: string | readonly string[];
  readonly optIn?: boolean;
  readonly database?: string;
}

export type GroupDeclarations = Readonly<Record<string, Readonly<Record<string, EntityDeclaration>>>>;

/** The database that holds Holdfast's own tables and the built-in platform's. */
export const OWN_DATABASE = "holdfast";

/** Schedules, retention, pruning, deleting, pinning, importing. */
export const MANAGE_BACKUPS = "MANAGE_BACKUPS";

/** Restoring what is not signed, or by a key that is not trusted; and saying which keys are trusted. */
export const RESTORE_UNTRUSTED = "RESTORE_UNTRUSTED";

/**
 * Builds a catalog and checks it as a whole.
 * @throws HoldfastError CONFIG_INVALID naming every fault: a bad or doubled name, a table in two entities, an entity without tables.
 */
export function buildCatalog(declarations: GroupDeclarations): Catalog {
  const faults: string[] = [];
  const owners = new Map<string, string>();
  const entities = new Map<string, Entity>();
  const groups: EntityGroup[] = [];
  for (const [group, members] of Object.entries(declarations)) {
    checkName(group, `group ${group}`, faults);
    const inGroup: Entity[] = [];
    for (const [name, declaration] of Object.entries(members)) {
      const key = `groups.${group}.entities.${name}`;
      checkName(name, key, faults);
      if (entities.has(name)) faults.push(`${key}: the name is already taken by another entity`);
      if (declaration.tables.length === 0) faults.push(`${key}.tables: name at least one table`);
      const database = declaration.database ?? OWN_DATABASE;
      for (const table of declaration.tables) {
        const place = tableKey(database, table);
        const owner = owners.get(place);
        if (owner !== undefined)
          faults.push(`${key}.tables: ${tableLabel(table)} already belongs to ${owner}`);
        owners.set(place, name);
      }
      const entity: Entity = {
        name,
        group,
        label: declaration.label,
        database,
        tables: declaration.tables,
        readPermissions: [declaration.read].flat(),
        writePermissions: [declaration.write].flat(),
        optIn: declaration.optIn ?? false,
      };
      inGroup.push(entity);
      entities.set(name, entity);
    }
    groups.push({ name: group, entities: inGroup });
  }
  if (faults.length > 0)
    throw new HoldfastError("CONFIG_INVALID", `The catalog is not valid:\n${faults.join("\n")}`);
  const all = [...entities.values()];
  const permissions = new Set(
    all.flatMap((entity) => [...entity.readPermissions, ...entity.writePermissions]),
  );
  permissions.add(MANAGE_BACKUPS);
  permissions.add(RESTORE_UNTRUSTED);
  return { groups, entities, permissions: [...permissions] };
}

/** Tells every two tables apart, which labels do not: `"a.b".c` and `a."b.c"` read the same. */
export function tableKey(database: string, { schema, name }: TableName): string {
  return JSON.stringify([database, schema, name]);
}

function checkName(name: string, key: string, faults: string[]): void {
  if (!isCatalogName(name)) faults.push(`${key}: a name is upper case letters, digits and underscores`);
}

/** As names are written in the catalog and in GraphQL: `orderLines`, `order-lines` and `ORDER_LINES` are ORDER_LINES. */
export function catalogName(name: string): string {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replaceAll(/([A-Z])([A-Z][a-z])/g, "$1_$2")
    .replaceAll(/[-\s]/g, "_")
    .toUpperCase();
}

/** Whether it can name an entity, a group or a permission, also in GraphQL. */
export function isCatalogName(name: string): boolean {
  return /^[A-Z][A-Z0-9_]*$/.test(name);
}

/** `schema.name`, for messages and for GraphQL; not quoted, so not for SQL. */
export function tableLabel(table: TableName): string {
  return `${table.schema}.${table.name}`;
}

/** What a backup is asked to hold: `StartBackupInput` without the rest. */
export interface Selection {
  readonly entities?: readonly string[] | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly include?: readonly string[] | undefined;
}

/**
 * The entities that a selection means, in the catalog's order. With neither entities nor groups it is every entity
 * that is not opt-in; a named group means its entities that are not opt-in (all of them, if every one is: then naming
 * the group can mean nothing else); `include` adds to either.
 * @throws HoldfastError BAD_INPUT for an unknown name or an empty selection.
 */
export function selectEntities(catalog: Catalog, selection: Selection): Entity[] {
  const chosen = new Set<string>();
  for (const name of [...(selection.entities ?? []), ...(selection.include ?? [])])
    chosen.add(entityNamed(catalog, name).name);
  const explicit = selection.entities !== undefined || selection.groups !== undefined;
  const groups = explicit
    ? (selection.groups ?? []).map((name) => groupNamed(catalog, name))
    : catalog.groups;
  for (const group of groups) {
    const whole = explicit && group.entities.every((entity) => entity.optIn);
    for (const entity of group.entities) if (whole || !entity.optIn) chosen.add(entity.name);
  }
  if (chosen.size === 0)
    throw new HoldfastError("BAD_INPUT", "The selection is empty: name at least one entity or group.");
  return [...catalog.entities.values()].filter((entity) => chosen.has(entity.name));
}

export function entityNamed(catalog: Catalog, name: string): Entity {
  const entity = catalog.entities.get(name);
  if (entity === undefined) {
    throw new HoldfastError("BAD_INPUT", `There is no entity ${name}.`, {
      hint: `The entities are ${someNames([...catalog.entities.keys()])}.`,
    });
  }
  return entity;
}

function groupNamed(catalog: Catalog, name: string): EntityGroup {
  const group = catalog.groups.find((candidate) => candidate.name === name);
  if (group === undefined) {
    throw new HoldfastError("BAD_INPUT", `There is no group ${name}.`, {
      hint: `The groups are ${someNames(catalog.groups.map((candidate) => candidate.name))}.`,
    });
  }
  return group;
}

export type Access = "READ" | "WRITE";

/** Every permission that READ (or WRITE) of all the entities takes, each once, in order of first need. */
export function permissionsFor(entities: Iterable<Entity>, access: Access): string[] {
  const needed = new Set<string>();
  for (const entity of entities) {
    for (const permission of access === "READ" ? entity.readPermissions : entity.writePermissions)
      needed.add(permission);
  }
  return [...needed];
}
