// Describes live tables from PostgreSQL's catalogs: a fixed number of queries, however many tables there are.
import { tableLabel, type TableName } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import { someClauses, someNames } from "../core/some.ts";
import * as catalog from "./catalog-queries.ts";
import type { Session } from "./session.ts";
import type { Leaf, LiveColumn, LiveForeignKey, LiveSequence, TableShape } from "./table-shape.ts";

/** What can stand where a table is expected, by pg_class.relkind. */
const OTHER_KINDS: Readonly<Record<string, string>> = {
  v: "a view",
  m: "a materialised view",
  f: "a foreign table",
  S: "a sequence",
  i: "an index",
  I: "an index",
  c: "a composite type",
};

/**
 * Describes the tables in the order of the names. Sizes are read from the files, which waits for whoever holds a table
 * exclusively: set a lock timeout, or hold a lock.
 * @throws TABLE_MISSING naming every name without a table; CONFIG_INVALID naming what is not an ordinary or partitioned table.
 */
export async function describeTables(session: Session, names: readonly TableName[]): Promise<TableShape[]> {
  if (names.length === 0) return [];
  const found = await findTables(session, names);
  const oids = found.map((row) => row.oid);
  const grouped = async <Row extends { table: number }>(statement: Parameters<Session["rows"]>[0]) =>
    Map.groupBy(await session.rows<Row>(statement), (row) => row.table);
  const columns = await grouped<catalog.ColumnRow>(catalog.columns(oids));
  const uniqueKeys = await grouped<catalog.UniqueKeyRow>(catalog.uniqueKeys(oids));
  const foreignKeys = await grouped<catalog.ForeignKeyRow>(catalog.foreignKeys(oids));
  const sequences = await grouped<catalog.SequenceRow>(catalog.sequences(oids));
  const leafRows = await grouped<catalog.LeafRow>(catalog.leaves(oids));

  const shapes = new Map<string, TableShape>();
  for (const row of found) {
    const { oid } = row;
    const tableColumns = (columns.get(oid) ?? []).map(columnOf);
    const keys = uniqueKeys.get(oid) ?? [];
    const leaves = (leafRows.get(oid) ?? []).map((leaf) => leafOf(session.database, row, leaf));
    const nullable = new Set(tableColumns.filter((column) => column.nullable).map((column) => column.name));
    const counts = leaves.map((leaf) => leaf.estimatedRows).filter((count) => count !== null);
    shapes.set(tableKey(row), {
      schema: row.schema,
      name: row.name,
      oid,
      kind: row.kind === "p" ? "PARTITIONED" : "TABLE",
      columns: tableColumns,
      key: matchingKey(keys, nullable),
      uniqueKeys: keys.map((key) => key.columns),
      foreignKeys: (foreignKeys.get(oid) ?? []).map(foreignKeyOf),
      sequences: (sequences.get(oid) ?? []).map(sequenceOf),
      rowsAreHidden: row.rls_active,
      leaves,
      estimatedRows: counts.length === 0 ? null : counts.reduce((sum, count) => sum + count, 0),
      sizeBytes: leaves.reduce((sum, leaf) => sum + leaf.sizeBytes, 0),
    });
  }
  return names.map((name) => shapes.get(tableKey(name))).filter((shape) => shape !== undefined);
}

/**
 * Resolves names to tables, in no particular order, and looks at nothing but pg_class: it waits for nobody.
 * @throws as {@link describeTables}
 */
export async function findTables(
  session: Session,
  names: readonly TableName[],
): Promise<catalog.RelationRow[]> {
  const found = await session.rows<catalog.RelationRow>(catalog.relations(names));
  const present = new Set(found.map(tableKey));
  const missing = names.filter((name) => !present.has(tableKey(name)));
  if (missing.length > 0) throw tablesMissing(session.database, missing);
  refuseOtherKinds(session.database, found);
  return found;
}

/** `tableLabel` would take `"a.b"."c"` for `"a"."b.c"`. */
const tableKey = (table: TableName): string => JSON.stringify([table.schema, table.name]);

function tablesMissing(database: string, missing: readonly TableName[]): HoldfastError {
  const labels = missing.map(tableLabel);
  const verb = labels.length === 1 ? "There is no table" : "There are no tables";
  return new HoldfastError("TABLE_MISSING", `${verb} ${someNames(labels)} in the database ${database}.`, {
    details: { database, tables: labels },
  });
}

function refuseOtherKinds(database: string, found: readonly catalog.RelationRow[]): void {
  const faults = found.flatMap((row) => {
    if (row.kind !== "r" && row.kind !== "p")
      return `${tableLabel(row)} is ${OTHER_KINDS[row.kind] ?? "no table"}`;
    return row.persistence === "t" ? `${tableLabel(row)} is a temporary table` : [];
  });
  if (faults.length === 0) return;
  const rule = "An entity consists of ordinary or partitioned tables.";
  throw new HoldfastError("CONFIG_INVALID", `In the database ${database}, ${someClauses(faults)}. ${rule}`);
}

function leafOf(database: string, table: TableName, row: catalog.LeafRow): Leaf {
  if (row.kind === "f") {
    const fault = `the partition ${tableLabel(row)} of ${tableLabel(table)} is a foreign table: its rows are not in this database.`;
    throw new HoldfastError("CONFIG_INVALID", `In the database ${database}, ${fault}`);
  }
  return {
    schema: row.schema,
    name: row.name,
    oid: row.oid,
    estimatedRows: estimateRows(row),
    pages: row.pages,
    sizeBytes: row.size_bytes,
    heap: row.heap,
  };
}

/** As the planner does it: the density that was counted last, over the pages that there are now. */
function estimateRows(row: catalog.LeafRow): number | null {
  if (row.pages === 0) return 0;
  if (row.counted_rows < 0 || row.counted_pages <= 0) return null;
  return Math.round((row.counted_rows / row.counted_pages) * row.pages);
}

/** The rows come with the primary key first and then the shortest. */
export function matchingKey(keys: readonly catalog.UniqueKeyRow[], nullable: ReadonlySet<string>): string[] {
  const serves = (key: catalog.UniqueKeyRow): boolean =>
    key.primary || (key.plain && !key.columns.some((column) => nullable.has(column)));
  return keys.find(serves)?.columns ?? [];
}

function foreignKeyOf(row: catalog.ForeignKeyRow): LiveForeignKey {
  return {
    name: row.name,
    columns: row.columns,
    references: { schema: row.to_schema, name: row.to_name },
    referencedColumns: row.referenced_columns,
    enforced: row.enforced,
  };
}

function columnOf(row: catalog.ColumnRow): LiveColumn {
  return {
    name: row.name,
    type: row.type,
    nullable: row.nullable,
    generated: row.generated,
    identity: row.identity,
    default: row.default,
    collation: row.collation,
  };
}

function sequenceOf(row: catalog.SequenceRow): LiveSequence {
  return {
    column: row.column,
    schema: row.schema,
    name: row.name,
    lastValue: row.last_value,
    increment: row.increment,
    minimum: row.minimum,
    maximum: row.maximum,
    cycles: row.cycles,
  };
}
