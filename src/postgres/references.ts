// Whether foreign keys will hold after a restore, found out from the differences before a live row is touched. While rows are applied
// no foreign key fires, so what is not found here would be in the database.
import { sql, type SQL } from "drizzle-orm";
import { tableLabel, type TableName } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import { describeSelector } from "../core/row-selection.ts";
import { countOf, isAction, isWritten, sameLiveRow, staysLive, type Action, type TableDiff } from "./diff.ts";
import type { ForeignKey, ForeignKeys, KeySide } from "./foreign-keys.ts";
import { liveOf, relation, stagingOf, type RestoredTable } from "./restored-table.ts";
import type { Session } from "./session.ts";

/** What puts a staged row in place. */
const WRITTEN: readonly Action[] = ["i", "u", "r"];

/** What a foreign key of a restored table lacks, or a live row that would lose what it refers to. */
export interface BrokenReference {
  /** `schema.name` of the table that refers. */
  readonly table: string;
  /** Which entity has it; null: none. */
  readonly owner: string | null;
  readonly constraint: string;
  /** `schema.name` of the table that is referred to. */
  readonly references: string;
  /** The entity to add to the restore; null where no entity has the table, or where it is being restored already. */
  readonly entity: string | null;
  readonly rows: number;
  /** One of the keys: `user_id = 7`. */
  readonly example: string;
  /** That row, as it is chosen for a restore: `users:id=7`; null where rows of the table cannot be chosen. */
  readonly selector: string | null;
}

export interface ReferenceContext {
  readonly diffs: readonly TableDiff[];
  readonly foreignKeys: ForeignKeys;
  readonly catalog: TableOwners;
}

/** What the catalog says of a database's tables. */
export interface TableOwners {
  /** Which entity has the table. */
  readonly entityOf: (table: TableName) => string | undefined;
  /** Whether it is the entity's own table, by which rows can be chosen. */
  readonly isFirst: (table: TableName) => boolean;
  /** Entities of which only chosen rows are restored. */
  readonly partial: ReadonlySet<string>;
}

/**
 * Foreign keys that the differences alone cannot answer for: they look at columns that the backup has no values for, or compare
 * periods. The database has to check them itself, on all of their rows.
 */
export function needsDatabase(key: ForeignKey, restored: ReadonlyMap<number, RestoredTable>): boolean {
  const from = restored.get(key.from.oid);
  const to = restored.get(key.to.oid);
  const unknown = key.columns.filter((column) => from !== undefined && !from.stagedColumns.has(column.name));
  const staysNull = (name: string): boolean => {
    const column = from?.unknownColumns.find((candidate) => candidate.name === name);
    return column?.default === null && column.identity === null;
  };
  // A key that the backup knows nothing of is null in new rows and as it was in others.
  const untouched =
    unknown.length === key.columns.length && unknown.every((column) => staysNull(column.name));
  const unknownTarget =
    to !== undefined && key.columns.some((column) => !to.stagedColumns.has(column.references));
  return key.temporal || (unknown.length > 0 && !untouched) || unknownTarget;
}

/**
 * @throws MISSING_REFERENCES for rows that would refer to nothing, STILL_REFERENCED for live rows that would lose what they refer
 * to; each names every such foreign key, with `details.entities` to add
 */
export async function checkReferences(session: Session, context: ReferenceContext): Promise<void> {
  const diffs = new Map(context.diffs.map((diff) => [diff.table.live.oid, diff]));
  const restored = new Map(context.diffs.map(({ table }) => [table.live.oid, table]));
  const missing: BrokenReference[] = [];
  for (const key of context.foreignKeys.outgoing) {
    const child = diffs.get(key.from.oid);
    if (child === undefined || needsDatabase(key, restored)) continue;
    if (key.columns.some((column) => !child.table.stagedColumns.has(column.name))) continue;
    if (countOf(child, WRITTEN) === 0) continue;
    const found = await session.rows<Found>(missingParents(key, child, diffs.get(key.to.oid)));
    missing.push(...broken(key, found, lacking(key.to, restored, context.catalog), context.catalog));
  }
  if (missing.length > 0) throw missingReferences(missing, context.catalog);

  const lost: BrokenReference[] = [];
  for (const key of context.foreignKeys.incoming) {
    const parent = diffs.get(key.to.oid);
    if (parent === undefined || needsDatabase(key, restored)) continue;
    if (countOf(parent, ["d", "r"]) === 0) continue;
    const found = await session.rows<Found>(orphanedChildren(key, parent, diffs.get(key.from.oid)));
    lost.push(...broken(key, found, lacking(key.from, restored, context.catalog), context.catalog));
  }
  if (lost.length > 0) throw stillReferenced(lost);
}

/** The table's entity, unless all of it is restored already. */
function lacking(
  table: KeySide,
  restored: ReadonlyMap<number, RestoredTable>,
  catalog: TableOwners,
): string | undefined {
  const entity = catalog.entityOf(table);
  return entity !== undefined && restored.has(table.oid) && !catalog.partial.has(entity) ? undefined : entity;
}

interface Found {
  readonly rows: number;
  /** The key's values as text. */
  readonly example: readonly (string | null)[] | null;
}

/** Staged rows to be written whose key is neither that of a staged row to be written nor that of a live row that stays. */
function missingParents(key: ForeignKey, child: TableDiff, parent: TableDiff | undefined): SQL {
  const found = [
    sql`EXISTS (SELECT FROM ${relation(key.to, key.to.partitioned)} AS parent
      WHERE ${sameKey(key, "parent", "child")} AND ${stays(parent, "parent")})`,
  ];
  if (parent !== undefined) found.push(isInPlace(key, parent));
  return sql`SELECT count(*)::float8 AS rows, min(${example(key, "child")})::jsonb AS example
    FROM ${stagingOf(child.table)} AS child
    WHERE ${isWritten(child, "child", WRITTEN)} AND ${isSet(key, "child")} AND NOT ${sql.join(found, sql` AND NOT `)}`;
}

/** Live rows that stay as they are and refer to a key that was there and will not be. */
function orphanedChildren(key: ForeignKey, parent: TableDiff, child: TableDiff | undefined): SQL {
  return sql`SELECT count(*)::float8 AS rows, min(${example(key, "child")})::jsonb AS example
    FROM ${relation(key.from, key.from.partitioned)} AS child
    WHERE ${stays(child, "child")} AND EXISTS (
      SELECT FROM ${parent.rows} AS diff
      JOIN ${liveOf(parent.table)} AS parent ON ${sameLiveRow(parent.table, "parent", "diff")}
      WHERE ${isAction("diff", ["d", "r"])} AND ${sameKey(key, "parent", "child")})
    AND NOT ${isInPlace(key, parent)}`;
}

/** That the restore writes the row that `child` refers to. */
function isInPlace(key: ForeignKey, parent: TableDiff): SQL {
  return sql`EXISTS (SELECT FROM ${stagingOf(parent.table)} AS parent
    WHERE ${sameKey(key, "parent", "child")} AND ${isWritten(parent, "parent", WRITTEN)})`;
}

function stays(diff: TableDiff | undefined, alias: string): SQL {
  return diff === undefined ? sql`true` : staysLive(diff, alias, ["d", "u", "r"]);
}

function sameKey(key: ForeignKey, parent: string, child: string): SQL {
  const pairs = key.columns.map(
    ({ name, references, operator }) =>
      sql`${sql.identifier(parent)}.${sql.identifier(references)} ${sql.raw(operator)} ${sql.identifier(child)}.${sql.identifier(name)}`,
  );
  return sql.join(pairs, sql` AND `);
}

/** A key with a null in it refers to nothing; under MATCH FULL that takes all of its columns. */
function isSet(key: ForeignKey, child: string): SQL {
  const tests = key.columns.map(
    ({ name }) => sql`${sql.identifier(child)}.${sql.identifier(name)} IS NOT NULL`,
  );
  return sql`(${sql.join(tests, key.matchFull ? sql` OR ` : sql` AND `)})`;
}

function example(key: ForeignKey, child: string): SQL {
  const values = key.columns.map(
    ({ name }) =>
      sql`left(${sql.identifier(child)}.${sql.identifier(name)}::text, ${sql.raw(EXAMPLE_CHARACTERS)})`,
  );
  return sql`jsonb_build_array(${sql.join(values, sql`, `)})::text`;
}

/** Of each column's value: more than a person reads. */
const EXAMPLE_CHARACTERS = "200";

function broken(
  key: ForeignKey,
  [found]: readonly Found[],
  entity: string | undefined,
  catalog: TableOwners,
): BrokenReference[] {
  if (found === undefined || found.rows === 0) return [];
  const columns = key.columns.map((column) => column.name).join(", ");
  const values = found.example ?? [];
  const match = key.columns.map(({ references }, place) => ({
    column: references,
    equals: values[place] ?? "",
  }));
  const selectable = entity !== undefined && catalog.isFirst(key.to) && !values.includes(null);
  return [
    {
      table: tableLabel(key.from),
      owner: catalog.entityOf(key.from) ?? null,
      constraint: key.name,
      references: tableLabel(key.to),
      entity: entity ?? null,
      rows: found.rows,
      example: `${columns} = ${values.map((value) => value ?? "null").join(", ")}`,
      selector: selectable ? describeSelector({ entity, match }) : null,
    },
  ];
}

function missingReferences(references: readonly BrokenReference[], { partial }: TableOwners): HoldfastError {
  const clauses = references.map(
    ({ table, constraint, references: parent, rows, example }) =>
      `${rowCount(rows)} of ${table} would refer by ${constraint} to rows of ${parent} that are not there, for example ${example}`,
  );
  const entities = entitiesOf(references);
  if (partial.size > 0) return refusal("MISSING_REFERENCES", clauses, hintForRows(references), references);
  const hint =
    entities.length > 0
      ? `Add ${entities.join(" and ")} to the restore, or restore it first.`
      : "Put the rows that are referred to in place first; the backup does not have them.";
  return refusal("MISSING_REFERENCES", clauses, hint, references);
}

/** Whoever has chosen rows would rather choose a few more than restore an entity. */
function hintForRows(references: readonly BrokenReference[]): string {
  const selectors = [...new Set(references.flatMap(({ selector }) => selector ?? []))];
  const whole = entitiesOf(references).join(" and ");
  if (whole === "") return "Put the rows that are referred to in place first, or choose other rows.";
  if (selectors.length === 0)
    return `Restore ${whole} first, with INSERT_MISSING so that no row that is there is changed.`;
  const options = selectors.map((selector) => `--only ${selector}`).join(" ");
  return `Choose the rows that are referred to as well, as with ${options}; or restore ${whole} first.`;
}

function stillReferenced(references: readonly BrokenReference[]): HoldfastError {
  const clauses = references.map(
    ({ table, constraint, references: parent, rows, example }) =>
      `${rowCount(rows)} of ${table} still refer by ${constraint} to rows of ${parent} that would be gone, for example ${example}`,
  );
  const entities = entitiesOf(references);
  const hint =
    entities.length > 0
      ? `Add ${entities.join(" and ")} to the restore, or use MERGE, which deletes nothing.`
      : "Remove the rows that refer first, or use MERGE, which deletes nothing.";
  return refusal("STILL_REFERENCED", clauses, hint, references);
}

function entitiesOf(references: readonly BrokenReference[]): string[] {
  return [...new Set(references.map(({ entity }) => entity).filter((entity) => entity !== null))];
}

function refusal(
  code: "MISSING_REFERENCES" | "STILL_REFERENCED",
  clauses: readonly string[],
  hint: string,
  references: readonly BrokenReference[],
): HoldfastError {
  return new HoldfastError(code, `Nothing was changed: ${clauses.join("; ")}.`, {
    hint,
    details: { entities: entitiesOf(references), references },
  });
}

const rowCount = (rows: number): string => (rows === 1 ? "1 row" : `${rows} rows`);
