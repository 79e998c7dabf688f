// The proposal: which entities a database might have, in which groups, and what is left out. Pure: the same inventory, the same proposal.
import { tableLabel, type TableName } from "../core/catalog.ts";
import type { Inventory } from "../core/inventory.ts";
import { appendOnlySigns } from "./append-only.ts";
import { findCandidates, type Candidate, type LeftOut } from "./candidates.ts";
import { groupClusters, type Cluster } from "./grouping.ts";
import { nameEach, OWN_ENTITIES, OWN_GROUPS } from "./naming.ts";
import { findOwners, rootOf, type Ownership } from "./ownership.ts";

export interface ProposedTable extends TableName {
  /** Why it goes with the entity's own table, to follow its name; null for that one itself. */
  readonly why: string | null;
  /** 0: it is not partitioned, or is itself a partition. */
  readonly partitions: number;
  readonly estimatedRows: number | null;
  readonly sizeBytes: number;
}

export interface ProposedEntity {
  /** Lower case, as it stands in a configuration file. */
  readonly name: string;
  /** The entity's own table first. */
  readonly tables: readonly ProposedTable[];
  /** Some of its tables have no key: their rows are compared as a whole. */
  readonly keyless: boolean;
  /** Why it is opt-in, to follow its name; null: it is not. */
  readonly optInBecause: string | null;
  /** Names of the entities that its tables refer to. */
  readonly refersTo: readonly string[];
  /** Whole sentences on what to know before relying on it. */
  readonly remarks: readonly string[];
}

export interface ProposedGroup {
  readonly name: string;
  readonly readPermission: string;
  readonly writePermission: string;
  readonly entities: readonly ProposedEntity[];
}

export interface Proposal {
  /** The database's name in the configuration. */
  readonly database: string;
  readonly groups: readonly ProposedGroup[];
  /** By schema and name. */
  readonly leftOut: readonly LeftOut[];
}

export interface ProposalOptions {
  /** The database's name in the configuration; left out: `app`. */
  readonly database?: string;
  /** Schemas to look at; left out: all. */
  readonly schemas?: readonly string[] | undefined;
}

export function propose(inventory: Inventory, options: ProposalOptions = {}): Proposal {
  const { database = "app", schemas } = options;
  const isChosen = (schema: string): boolean => schemas?.includes(schema) ?? true;
  const { candidates, leftOut } = findCandidates(inventory, isChosen);
  const heirs = heirsOf(candidates);
  const signs = new Map(
    candidates
      .filter((candidate) => candidate.inheritsFrom.length === 0)
      .map((candidate) => [candidate, appendOnlySigns(candidate, heirs.get(candidate) ?? [])]),
  );
  const owners = findOwners(candidates, (candidate) => signs.get(candidate) !== undefined);
  const clusters = clustersOf(candidates, owners, (candidate) => signs.get(candidate) !== undefined);
  const entityNames = nameEach(
    clusters.map((cluster) => cluster.main),
    OWN_ENTITIES,
    database,
  );
  const nameOf = (candidate: Candidate): string => entityNames.get(rootOf(candidate, owners)) ?? "";
  const groups = groupClusters(clusters).map((group) => ({
    ...group,
    schema: group.clusters[0]?.main.schema ?? "",
  }));
  const groupNames = nameEach(groups, OWN_GROUPS, database);
  const proposed = groups.map((group): ProposedGroup => {
    const name = groupNames.get(group) ?? "";
    const entities = group.clusters.map((cluster) => ({
      name: nameOf(cluster.main),
      tables: cluster.tables.flatMap((table) => tablesOf(table, owners.get(table))),
      keyless: cluster.tables.some(isKeyless),
      optInBecause: signs.get(cluster.main) ?? null,
      refersTo: refersTo(cluster, nameOf),
      remarks: remarksOn(cluster, inventory),
    }));
    return {
      name,
      readPermission: `READ_${name.toUpperCase()}`,
      writePermission: `WRITE_${name.toUpperCase()}`,
      entities: entities.toSorted(byName),
    };
  });
  return { database, groups: proposed.toSorted(byName), leftOut };
}

const byName = (one: { readonly name: string }, other: { readonly name: string }): number =>
  one.name < other.name ? -1 : 1;

function heirsOf(candidates: readonly Candidate[]): Map<Candidate, Candidate[]> {
  const heirs = new Map<Candidate, Candidate[]>();
  for (const candidate of candidates) {
    const above = new Set<Candidate>();
    const climb = (from: Candidate): void => {
      for (const parent of from.inheritsFrom) {
        if (above.has(parent)) continue;
        above.add(parent);
        climb(parent);
      }
    };
    climb(candidate);
    for (const ancestor of above) heirs.set(ancestor, [...(heirs.get(ancestor) ?? []), candidate]);
  }
  return heirs;
}

function clustersOf(
  candidates: readonly Candidate[],
  owners: ReadonlyMap<Candidate, Ownership>,
  isOptIn: (candidate: Candidate) => boolean,
): Cluster[] {
  const members = Map.groupBy(candidates, (candidate) => rootOf(candidate, owners));
  return [...members].map(([main, tables]) => ({
    main,
    tables: [main, ...tables.filter((table) => table !== main)],
    links: new Set(tables.filter((table) => owners.get(table)?.isLink === true)),
    optIn: isOptIn(main),
  }));
}

function tablesOf(table: Candidate, ownership: Ownership | undefined): ProposedTable[] {
  const { estimatedRows, sizeBytes, partitions } = table;
  if (table.tables.length === 1 && table.tables[0]?.name === table.name)
    return [{ ...named(table), why: ownership?.why ?? null, partitions, estimatedRows, sizeBytes }];
  return table.tables.map((part) => ({
    ...part,
    why: `is a partition of ${table.name}, of which others are foreign tables`,
    partitions: 0,
    estimatedRows: null,
    sizeBytes: 0,
  }));
}

const named = ({ schema, name }: TableName): TableName => ({ schema, name });

function refersTo(cluster: Cluster, nameOf: (candidate: Candidate) => string): string[] {
  const own = nameOf(cluster.main);
  const names = cluster.tables.flatMap((table) => table.references.map(({ to }) => nameOf(to)));
  return [...new Set(names)].filter((name) => name !== own).toSorted();
}

function remarksOn(cluster: Cluster, { role }: Inventory): string[] {
  return cluster.tables.flatMap((table) => {
    const remarks: string[] = [];
    if (isKeyless(table)) remarks.push(`${table.name} has no key: its rows are compared as a whole.`);
    if (table.relation.rowSecurityActive)
      remarks.push(
        `${table.name} has row-level security, which may hide rows from the role ${role}: it cannot be backed up by it.`,
      );
    for (const other of table.refersToLeftOut)
      remarks.push(`${table.name} refers to ${tableLabel(other)}, which is left out.`);
    return remarks;
  });
}

function isKeyless({ relation }: Candidate): boolean {
  return relation.primaryKey.length === 0 && relation.uniqueKeys.length === 0;
}
