// What is known of a live table: enough to copy it, to match its rows, and to say what stands in the way of changing them.
import type { ColumnShape, ForeignKeyShape, ManifestTable } from "../core/artifact.ts";
import type { TableName } from "../core/catalog.ts";

export interface LiveColumn extends ColumnShape {
  /** The default's expression, not that of a generated column. */
  readonly default: string | null;
  /** `schema.name`, quoted; null where the type has none or the column has its type's own. */
  readonly collation: string | null;
}

/** A unique index, whether or not a constraint stands behind it. */
export interface UniqueIndex {
  readonly name: string;
  readonly primary: boolean;
  /** Empty when the index is over an expression; see `definition`. */
  readonly columns: readonly string[];
  /** The condition of a partial index. */
  readonly predicate: string | null;
  /** As `pg_get_indexdef` prints it. */
  readonly definition: string;
  readonly nullsNotDistinct: boolean;
  /** Checked at once: neither DEFERRABLE nor being built. Only such an index serves ON CONFLICT. */
  readonly immediate: boolean;
  /** Temporal (`WITHOUT OVERLAPS`): equal means overlapping in the last column. */
  readonly exclusion: boolean;
}

export interface ExclusionConstraint {
  readonly name: string;
  /** As `pg_get_constraintdef` prints it. */
  readonly definition: string;
}

export type ReferentialAction = "NO ACTION" | "RESTRICT" | "CASCADE" | "SET NULL" | "SET DEFAULT";

export interface LiveForeignKey extends ForeignKeyShape {
  /** The table that holds the key. */
  readonly table: TableName;
  readonly onDelete: ReferentialAction;
  readonly onUpdate: ReferentialAction;
  readonly deferrable: boolean;
  readonly initiallyDeferred: boolean;
  /** Whether every row that has the key finds one with equal values: see the manifest. */
  readonly enforced: boolean;
}

/** A sequence that fills a column: of an identity or serial column, or named in the column's default. */
export interface LiveSequence extends TableName {
  readonly column: string;
  readonly identity: boolean;
  /** As text, for they may pass 2^53. `lastValue` is null when nothing was drawn, or when the role may not see it. */
  readonly lastValue: string | null;
  readonly start: string;
  readonly increment: string;
  readonly minimum: string;
  readonly maximum: string;
  readonly cycles: boolean;
}

export interface UserTrigger {
  readonly name: string;
  /** ORIGIN: fires unless `session_replication_role` is replica; REPLICA the other way round; ALWAYS in both. */
  readonly fires: "ORIGIN" | "REPLICA" | "ALWAYS" | "DISABLED";
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
  readonly unlogged: boolean;
  readonly owner: string;
  /** In the table's order; dropped columns are not among them. */
  readonly columns: readonly LiveColumn[];
  /** The columns that rows are matched by: the primary key, or else the smallest unique index that can serve; empty: none. */
  readonly key: readonly string[];
  readonly uniqueIndexes: readonly UniqueIndex[];
  readonly exclusions: readonly ExclusionConstraint[];
  readonly foreignKeys: readonly LiveForeignKey[];
  /** Foreign keys that point here, from whichever table; of this table's own also those to itself. */
  readonly referencedBy: readonly LiveForeignKey[];
  readonly sequences: readonly LiveSequence[];
  readonly triggers: readonly UserTrigger[];
  /** Names of rewrite rules. */
  readonly rules: readonly string[];
  readonly rowSecurity: {
    readonly enabled: boolean;
    readonly forced: boolean;
    /** Whether policies hold for the session's role. */
    readonly active: boolean;
  };
  /** Where the rows are: the table itself, or the partitions at the bottom. */
  readonly leaves: readonly Leaf[];
  /** Tables that inherit from this one and are no partitions: their rows are not this table's. */
  readonly inheritedBy: readonly TableName[];
  readonly inheritsFrom: readonly TableName[];
  /** Over all leaves; null where no leaf was ever counted. */
  readonly estimatedRows: number | null;
  /** Over all leaves, as they are stored; the COPY text may be larger or smaller. */
  readonly sizeBytes: number;
  /** What the session's role may do. */
  readonly may: {
    readonly select: boolean;
    readonly insert: boolean;
    readonly update: boolean;
    readonly delete: boolean;
    readonly truncate: boolean;
    /** Is the owner or a member of it, as ALTER TABLE needs. */
    readonly alter: boolean;
  };
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
