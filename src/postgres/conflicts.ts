// Rows that cannot be there together: staged rows against live rows that stay, and against each other, for every unique index and
// exclusion constraint. Where a column that the backup does not have will get who knows what, the database finds it while applying.
import { sql, type SQL } from "drizzle-orm";
import { tableLabel } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import { countOf, staysLive, type Action, type TableDiff } from "./diff.ts";
import { schemaDrift } from "./drift.ts";
import { liveOf, type RestoredTable } from "./restored-table.ts";
import { rowLabel } from "./row-label.ts";
import type { Rival } from "./rivals.ts";
import type { Session } from "./session.ts";
import { writtenRows, type WrittenRows } from "./written-rows.ts";

/** Two rows that a unique index or an exclusion constraint forbids together. */
export interface Conflict {
  readonly entity: string;
  /** `schema.name` */
  readonly table: string;
  readonly constraint: string;
  /** The backup's row, by its key: `id = 1`. Empty where the table has none. */
  readonly staged: string;
  /** The row that it collides with. */
  readonly other: string;
  readonly otherIsLive: boolean;
  /** What collides: `name = a`. */
  readonly values: string;
}

/** More than a person reads; the count tells the rest. */
const NAMED_CONFLICTS = 20;

/** Rows that may come to have a unique value that they did not have: an update that touches one is a reinsertion. */
const NEWCOMERS: readonly Action[] = ["i", "r"];
/** Live rows whose unique values are given up. A row that is merely updated keeps them, and stays in the way. */
const LEAVERS: readonly Action[] = ["d", "r"];

/**
 * @throws UNIQUE_CONFLICT naming the rows in pairs, as `details.conflicts`; SCHEMA_DRIFT for a deferrable constraint over columns
 * of which nobody knows what will be in them: the database would not check it either, because its trigger rests while rows are applied
 */
export async function checkConflicts(session: Session, diffs: readonly TableDiff[]): Promise<void> {
  const conflicts: Conflict[] = [];
  let total = 0;
  for (const diff of diffs) {
    if (countOf(diff, NEWCOMERS) === 0) continue;
    const { table } = diff;
    for (const rival of table.rivals) {
      const written = writtenRows(diff, rival.columns, NEWCOMERS);
      if (written === undefined) {
        if (!rival.immediate) throw uncheckable(table, rival);
        continue;
      }
      const newcomers = elementRows(diff, rival, written);
      for (const [statement, otherIsLive] of questions(diff, rival, newcomers)) {
        const rows = await session.rows<ConflictRow>(statement);
        total += rows[0]?.total ?? 0;
        conflicts.push(...rows.map((row) => conflictOf(table, rival, row, otherIsLive)));
      }
    }
  }
  if (total > 0) throw uniqueConflict(conflicts, total);
}

interface ConflictRow {
  readonly total: number;
  readonly staged: string;
  readonly other: string;
  readonly values: string;
}

/** Of the index that rows are matched by neither is asked: the rows were told apart by it when they were backed up and compared. */
function questions(diff: TableDiff, rival: Rival, newcomers: SQL): [statement: SQL, otherIsLive: boolean][] {
  const own = new Set(diff.table.backup.key);
  const matched = rival.equality && rival.predicate === null && rival.elements.length === own.size;
  if (matched && rival.elements.every(({ column }) => column !== null && own.has(column))) return [];
  return [
    [pairs(rival, newcomers, remaining(diff, rival), sql`true`), true],
    [rival.equality ? doubled(rival, newcomers) : overlapping(rival, newcomers), false],
  ];
}

function remaining(diff: TableDiff, rival: Rival): SQL {
  const condition = staysLive(diff, "candidate", LEAVERS);
  return elementRows(diff, rival, { source: liveOf(diff.table), condition });
}

/** The elements as columns 1, 2, ..., with the row's place and what to call it. The index's expressions name columns unqualified. */
function elementRows({ table }: TableDiff, rival: Rival, { source, condition }: WrittenRows): SQL {
  const elements = rival.elements.map(
    ({ expression }, place) => sql`${sql.raw(expression)} AS ${elementName(place)}`,
  );
  const predicate = rival.predicate === null ? sql`true` : sql`(${sql.raw(rival.predicate)})`;
  return sql`(SELECT candidate.ctid AS place, ${rowLabel(table.key)} AS label, ${sql.join(elements, sql`, `)}
    FROM ${source} AS candidate WHERE ${condition} AND ${predicate})`;
}

const elementName = (place: number): SQL => sql.identifier(String(place + 1)).getSQL();

function collide(rival: Rival, one: string, other: string): SQL {
  const a = sql.identifier(one);
  const b = sql.identifier(other);
  const elements = rival.elements.map((element, place) => ({ ...element, name: elementName(place) }));
  if (rival.nullsCollide) {
    const list = (alias: typeof a): SQL =>
      sql.join(
        elements.map(({ name }) => sql`${alias}.${name}`),
        sql`, `,
      );
    return sql`ROW(${list(a)})::record = ROW(${list(b)})::record`;
  }
  const tests = elements.map(({ name, operator }) => sql`${a}.${name} ${sql.raw(operator)} ${b}.${name}`);
  return sql.join(tests, sql` AND `);
}

function pairs(rival: Rival, staged: SQL, others: SQL, condition: SQL): SQL {
  return sql`SELECT (count(*) OVER ())::float8 AS total, staged.label AS staged, other.label AS other,
      ${shown(rival, "staged")} AS values
    FROM ${staged} AS staged JOIN ${others} AS other ON ${collide(rival, "staged", "other")} AND ${condition}
    ORDER BY 2, 3 LIMIT ${sql.raw(String(NAMED_CONFLICTS))}`;
}

function overlapping(rival: Rival, newcomers: SQL): SQL {
  return pairs(rival, newcomers, newcomers, sql`staged.place < other.place`);
}

/** Equal values are found in one pass by grouping; pairs of them could be as many as the square of the rows. */
function doubled(rival: Rival, newcomers: SQL): SQL {
  const names = rival.elements.map((_, place) => elementName(place));
  const list = sql.join(names, sql`, `);
  const present = names.map((name) => sql`${name} IS NOT NULL`);
  const condition = rival.nullsCollide ? sql`true` : sql.join(present, sql` AND `);
  return sql`WITH groups AS (
      SELECT ${list}, (sum(count(*) - 1) OVER ())::float8 AS total FROM ${newcomers} AS staged
      WHERE ${condition} GROUP BY ${list} HAVING count(*) > 1 LIMIT ${sql.raw(String(NAMED_CONFLICTS))})
    SELECT min(groups.total) AS total, min(staged.label) AS staged, max(staged.label) AS other,
      min(${shown(rival, "staged")}) AS values
    FROM groups JOIN ${newcomers} AS staged ON ${collide(rival, "groups", "staged")}
    GROUP BY ${sql.join(
      names.map((name) => sql`groups.${name}`),
      sql`, `,
    )} ORDER BY 2`;
}

function shown(rival: Rival, alias: string): SQL {
  const values = rival.elements.map(({ column, expression }, place) => {
    const value = sql`${sql.identifier(alias)}.${elementName(place)}`;
    return sql`${column ?? expression}::text || ' = ' || coalesce(${value}::text, 'null')`;
  });
  return sql`left(concat_ws(', ', ${sql.join(values, sql`, `)}), 200)`;
}

function conflictOf(table: RestoredTable, rival: Rival, row: ConflictRow, otherIsLive: boolean): Conflict {
  return {
    entity: table.entity,
    table: tableLabel(table.live),
    constraint: rival.name,
    staged: row.staged,
    other: row.other,
    otherIsLive,
    values: row.values,
  };
}

function uniqueConflict(conflicts: readonly Conflict[], total: number): HoldfastError {
  const named = conflicts.slice(0, NAMED_CONFLICTS);
  const clauses = named.map(({ table, constraint, staged, other, otherIsLive, values }) => {
    const row = (label: string): string => (label === "" ? "row" : `row ${label}`);
    const others = otherIsLive ? `the live ${row(other)}` : `its ${row(other)}`;
    return `${table}: the backup's ${row(staged)} cannot be beside ${others} (${values}, by ${constraint})`;
  });
  const more = total > named.length ? `; and ${total - named.length} more` : "";
  return new HoldfastError("UNIQUE_CONFLICT", `Nothing was changed. ${clauses.join("; ")}${more}.`, {
    details: { total, conflicts: named },
  });
}

function uncheckable(table: RestoredTable, rival: Rival): HoldfastError {
  const unknown = rival.columns.filter((column) => !table.stagedColumns.has(column));
  return schemaDrift([
    `${tableLabel(table.live)} has the deferrable constraint ${rival.name} over columns that the backup does not have (${unknown.join(", ")})`,
  ]);
}
