// What is seen of a database before anybody has said which of its tables matter: relations, and the foreign keys between them.
import type { TableName } from "./catalog.ts";

export interface InventoryColumn {
  readonly name: string;
  readonly nullable: boolean;
  /** Whether it holds dates or times. */
  readonly temporal: boolean;
}

export interface InventoryRelation extends TableName {
  readonly oid: number;
  readonly kind: "TABLE" | "PARTITIONED" | "VIEW" | "MATERIALISED_VIEW" | "FOREIGN_TABLE";
  readonly temporary: boolean;
  /** The extension that it belongs to. */
  readonly extension: string | null;
  /** The partitioned table that it is a part of, by oid. */
  readonly partitionOf: number | null;
  /** Tables that it inherits from otherwise, by oid. */
  readonly inheritsFrom: readonly number[];
  readonly columns: readonly InventoryColumn[];
  /** Empty: none. */
  readonly primaryKey: readonly string[];
  /** Columns of the other unique indexes that tell every two rows apart. */
  readonly uniqueKeys: readonly (readonly string[])[];
  /** Null where nobody has counted. Of a partitioned table itself: null. */
  readonly estimatedRows: number | null;
  /** With what is stored outside of the rows; without indexes. Of a partitioned table itself: 0. */
  readonly sizeBytes: number;
  /** Rows since the server's statistics began. */
  readonly writes: { readonly inserted: number; readonly updated: number; readonly deleted: number };
  /** Whether the session's role may read it. */
  readonly readable: boolean;
  /** Whether policies may hide rows of it from the role. */
  readonly rowSecurityActive: boolean;
}

export interface InventoryReference {
  /** The table that holds the foreign key, by oid. */
  readonly from: number;
  readonly to: number;
  readonly columns: readonly string[];
  readonly referencedColumns: readonly string[];
  readonly cascades: boolean;
}

export interface Inventory {
  /** The role that looked. */
  readonly role: string;
  readonly database: string;
  /** By schema and name. */
  readonly relations: readonly InventoryRelation[];
  readonly references: readonly InventoryReference[];
}
