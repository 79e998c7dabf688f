// What is known of a live table: enough to copy it, to match its rows, and to say what stands in the way of changing them.
import type { ColumnShape, ForeignKeyShape, ManifestTable } from "../core/artifact.ts";
import type { TableName } from "../core/catalog.ts";

export interface LiveColumn extends ColumnShape {
  /** The default's expression, not that of a generated column. */
  readonly default: string | null;
  /** `schema.name`, quoted; null where the type has none or the column has its type's own. */
  readonly collation: string | null;
}

export interface LiveForeignKey extends ForeignKeyShape {
  /** Whether every row that has the key finds one with equal values: see the manifest. */
  readonly enforced: boolean;
}

/** A sequence that fills a column: of an identity or serial column, or named in the column's default. */
export interface LiveSequence extends TableName {
  readonly column: string;
  /** As text, for they may pass 2^53. `lastValue` is null when nothing was drawn, or when the role may not see it. */
  readonly lastValue: string | null;
  readonly increment: string;
  readonly minimum: string;
  readonly maximum: string;
  readonly cycles: boolean;
}

/** A table's own storage: itself, or one of the partitions that its rows are in. */
export interface Leaf extends TableName {
  readonly oid: number;
  /** By the last VACUUM or ANALYZE; null when there was none. */
  readonly estimatedRows: number | null;
  /** Of 8 KiB (the server's block size), as they are now. */
  readonly pages: number;
  /** Of the pages, and of what is stored outside of them (TOAST). */
  readonly sizeBytes: number;
  /** Whether it is an ordinary heap, whose ctids count pages; other access methods give them meanings of their own. */
  readonly heap: boolean;
}

export interface TableShape extends TableName {
  readonly oid: number;
  readonly kind: "TABLE" | "PARTITIONED";
  /** In the table's order; dropped columns are not among them. */
  readonly columns: readonly LiveColumn[];
  /** The columns that rows are matched by: the primary key, or else the smallest unique index that can serve; empty: none. */
  readonly key: readonly string[];
  /** The columns of each unique index over columns and all rows, whether or not a constraint stands behind it. */
  readonly uniqueKeys: readonly (readonly string[])[];
  readonly foreignKeys: readonly LiveForeignKey[];
  readonly sequences: readonly LiveSequence[];
  /** Whether row-level security holds for the session's role. */
  readonly rowsAreHidden: boolean;
  /** Where the rows are: the table itself, or the partitions at the bottom. */
  readonly leaves: readonly Leaf[];
  /** Over all leaves; null where no leaf was ever counted. */
  readonly estimatedRows: number | null;
  /** Over all leaves, as they are stored; the COPY text may be larger or smaller. */
  readonly sizeBytes: number;
}

/** The columns that COPY carries: all but the generated ones, which the database makes again. */
export function storedColumns(shape: { readonly columns: readonly ColumnShape[] }): string[] {
  return shape.columns.filter((column) => column.generated === null).map((column) => column.name);
}

/** A table's part of the manifest, without what only the backup knows. */
export function manifestTable(
  shape: TableShape,
): Omit<ManifestTable, "entity" | "database" | "rows" | "rawBytes"> {
  return {
    schema: shape.schema,
    name: shape.name,
    columns: shape.columns.map(({ name, type, nullable, generated, identity }) => ({
      name,
      type,
      nullable,
      generated,
      identity,
    })),
    key: [...shape.key],
    foreignKeys: shape.foreignKeys.map(({ name, columns, references, referencedColumns, enforced }) => ({
      name,
      columns,
      references,
      referencedColumns,
      ...(enforced ? {} : { enforced }),
    })),
    sequences: shape.sequences.map(({ column, schema, name, lastValue }) => ({
      column,
      schema,
      name,
      lastValue,
    })),
  };
}
