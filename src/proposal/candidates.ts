// Which of a database's relations can be tables of an entity, and why the others cannot. Partitions are one with what they are
// parts of, and so are their foreign keys.
import { tableLabel, type TableName } from "../core/catalog.ts";
import type { Inventory, InventoryRelation } from "../core/inventory.ts";
import { bookkeeperOf } from "./bookkeeping.ts";

export interface LeftOut extends TableName {
  /** Follows the table's name: `is a view`. */
  readonly reason: string;
}

/** A table that can be backed up, with what is known of all its partitions. */
export interface Candidate extends TableName {
  readonly relation: InventoryRelation;
  /** What an entity names: the table, or such of its partitions as can be backed up, where not all can. */
  readonly tables: readonly TableName[];
  readonly partitions: number;
  readonly estimatedRows: number | null;
  readonly sizeBytes: number;
  readonly writes: InventoryRelation["writes"];
  /** To other candidates. */
  readonly references: readonly Reference[];
  /** From other candidates. */
  readonly referencedBy: readonly Reference[];
  readonly inheritsFrom: readonly Candidate[];
  readonly refersToItself: boolean;
  /** Tables that it refers to and that are left out. */
  readonly refersToLeftOut: readonly TableName[];
}

export interface Reference {
  readonly from: Candidate;
  readonly to: Candidate;
  readonly columns: readonly string[];
  readonly referencedColumns: readonly string[];
  readonly cascades: boolean;
  /** No row of the table is without it. */
  readonly required: boolean;
}

const OTHER_KINDS: Readonly<Partial<Record<InventoryRelation["kind"], string>>> = {
  VIEW: "is a view: what it shows is in other tables",
  MATERIALISED_VIEW: "is a materialised view: REFRESH MATERIALIZED VIEW fills it again",
  FOREIGN_TABLE: "is a foreign table: its rows are in another database",
};

/** Schemas of a Holdfast whose own database this is. */
const OWN_SCHEMAS = new Set(["holdfast", "platform", "bullmq", "drizzle"]);
const STAGING_SCHEMA = /^holdfast_restore_[0-9a-f]{32}_\d+$/;

/** @param isChosen whether a schema is to be looked at; the others are left out without a word */
export function findCandidates(
  inventory: Inventory,
  isChosen: (schema: string) => boolean = () => true,
): { candidates: Candidate[]; leftOut: LeftOut[] } {
  const chosen = inventory.relations.filter((relation) => isChosen(relation.schema));
  const isOwn = ownSchemas(inventory);
  const partitions = Map.groupBy(chosen, (relation) => relation.partitionOf);
  const leftOut: LeftOut[] = [];
  const candidates = new Map<number, Draft>();
  for (const relation of chosen) {
    if (relation.partitionOf !== null) continue;
    const reason = reasonAgainst(relation, inventory, isOwn);
    if (reason !== undefined) {
      leftOut.push({ schema: relation.schema, name: relation.name, reason });
      continue;
    }
    const leaves = leavesOf(relation, partitions);
    const usable = leaves.filter((leaf) => leaf.kind === "TABLE" && leaf.readable);
    const foreign = leaves.filter((leaf) => leaf.kind === "FOREIGN_TABLE");
    for (const { schema, name } of foreign)
      leftOut.push({ schema, name, reason: `is a partition of ${relation.name} that is a foreign table` });
    if (foreign.length > 0 && usable.length === 0) continue;
    candidates.set(relation.oid, draftOf(relation, foreign.length > 0 ? usable : [relation], leaves));
  }
  connect(inventory, chosen, candidates);
  return { candidates: [...candidates.values()], leftOut };
}

/** A candidate whose neighbours are still being found. */
interface Draft extends Candidate {
  readonly references: Reference[];
  readonly referencedBy: Reference[];
  readonly inheritsFrom: Candidate[];
  readonly refersToLeftOut: TableName[];
  refersToItself: boolean;
}

function draftOf(
  relation: InventoryRelation,
  tables: readonly TableName[],
  leaves: readonly InventoryRelation[],
): Draft {
  const counts = leaves.map((leaf) => leaf.estimatedRows).filter((count) => count !== null);
  const sum = (value: (leaf: InventoryRelation) => number): number =>
    leaves.reduce((total, leaf) => total + value(leaf), 0);
  return {
    schema: relation.schema,
    name: relation.name,
    relation,
    tables: tables.map(({ schema, name }) => ({ schema, name })),
    partitions: relation.kind === "PARTITIONED" ? leaves.length : 0,
    estimatedRows: counts.length === 0 ? null : counts.reduce((total, count) => total + count, 0),
    sizeBytes: sum((leaf) => leaf.sizeBytes),
    writes: {
      inserted: sum((leaf) => leaf.writes.inserted),
      updated: sum((leaf) => leaf.writes.updated),
      deleted: sum((leaf) => leaf.writes.deleted),
    },
    references: [],
    referencedBy: [],
    inheritsFrom: [],
    refersToLeftOut: [],
    refersToItself: false,
  };
}

function leavesOf(
  relation: InventoryRelation,
  partitions: ReadonlyMap<number | null, readonly InventoryRelation[]>,
): InventoryRelation[] {
  if (relation.kind !== "PARTITIONED") return [relation];
  return (partitions.get(relation.oid) ?? []).flatMap((part) => leavesOf(part, partitions));
}

function ownSchemas({ relations }: Inventory): (schema: string) => boolean {
  const labels = new Set(relations.map(tableLabel));
  const isHoldfasts = labels.has("holdfast.installation") && labels.has("holdfast.runs");
  return (schema) => STAGING_SCHEMA.test(schema) || (isHoldfasts && OWN_SCHEMAS.has(schema));
}

function reasonAgainst(
  relation: InventoryRelation,
  { role }: Inventory,
  isOwn: (schema: string) => boolean,
): string | undefined {
  if (relation.extension !== null) return `belongs to the extension ${relation.extension}`;
  if (isOwn(relation.schema)) return "is Holdfast's own";
  if (relation.temporary) return "is a temporary table";
  const kind = OTHER_KINDS[relation.kind];
  if (kind !== undefined) return kind;
  const tool = bookkeeperOf(relation);
  if (tool !== undefined)
    return `says which changes of the schema were made (${tool}), and follows the schema`;
  return relation.readable ? undefined : `may not be read by the role ${role}`;
}

/** Foreign keys and inheritance between the candidates. What a partition refers to, its partitioned table does. */
function connect(
  inventory: Inventory,
  chosen: readonly InventoryRelation[],
  candidates: ReadonlyMap<number, Draft>,
): void {
  const byOid = new Map(inventory.relations.map((relation) => [relation.oid, relation]));
  const rootOf = (oid: number): number => {
    const above = byOid.get(oid)?.partitionOf ?? null;
    return above === null ? oid : rootOf(above);
  };
  const seen = new Set<string>();
  for (const reference of inventory.references) {
    const from = candidates.get(rootOf(reference.from));
    const target = rootOf(reference.to);
    const to = candidates.get(target);
    const key = JSON.stringify([from?.relation.oid, target, reference.columns]);
    if (from === undefined || seen.has(key)) continue;
    seen.add(key);
    if (from === to) {
      from.refersToItself = true;
      continue;
    }
    const left = byOid.get(target);
    if (to === undefined) {
      if (left !== undefined) from.refersToLeftOut.push({ schema: left.schema, name: left.name });
      continue;
    }
    const { columns, referencedColumns, cascades } = reference;
    const nullable = from.relation.columns.filter((column) => column.nullable).map((column) => column.name);
    const required = !columns.some((column) => nullable.includes(column));
    const found: Reference = { from, to, columns, referencedColumns, cascades, required };
    from.references.push(found);
    to.referencedBy.push(found);
  }
  for (const relation of chosen) {
    const heir = candidates.get(relation.oid);
    const parents = relation.inheritsFrom.flatMap((oid) => candidates.get(oid) ?? []);
    heir?.inheritsFrom.push(...parents);
  }
}

/** How many other tables refer to the table. */
export function referrersOf(candidate: Candidate): Candidate[] {
  return [...new Set(candidate.referencedBy.map((reference) => reference.from))];
}

/** What so many others refer to (accounts, tenants, countries) binds nothing together. */
export function isHub(candidate: Candidate): boolean {
  return referrersOf(candidate).length >= HUB_REFERRERS;
}

const HUB_REFERRERS = 6;
