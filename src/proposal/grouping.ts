// Which entities stand together: those of a schema, where people have made schemas; else those that refer to each other by their own
// names, across links but not across what everything refers to.
import { isHub, type Candidate, type Reference } from "./candidates.ts";
import { isNamedAfter } from "./words.ts";

/** A thing of its own with the tables that belong to it. */
export interface Cluster {
  readonly main: Candidate;
  readonly tables: readonly Candidate[];
  /** Those of its tables that link it with others. */
  readonly links: ReadonlySet<Candidate>;
  readonly optIn: boolean;
}

export interface Group {
  /** As it would be called if nobody else were called so; to be made an identifier. */
  readonly name: string;
  readonly clusters: readonly Cluster[];
}

/** A schema with more things than that, in a database with several schemas, is divided as if it were the only one. */
const SCHEMA_SIZE = 12;
/** As many things that nothing binds to anything need no group each. */
const LOOSE_THINGS = 3;
const LOOKUP_COLUMNS = 6;
const LOOKUP_ROWS = 1_000;

export function groupClusters(clusters: readonly Cluster[]): Group[] {
  const bySchema = Map.groupBy(clusters, (cluster) => cluster.main.schema);
  return [...bySchema].flatMap(([schema, members]) => {
    const isDivided = bySchema.size === 1 || schema === "public" || members.length > SCHEMA_SIZE;
    return isDivided ? divide(schema, members, bySchema.size > 1) : [{ name: schema, clusters: members }];
  });
}

function divide(schema: string, clusters: readonly Cluster[], isOneOfSeveral: boolean): Group[] {
  const clusterOf = new Map(clusters.flatMap((cluster) => cluster.tables.map((table) => [table, cluster])));
  const parts = new Parts(clusters);
  const references = clusters.flatMap((cluster) => bindingReferences(cluster));
  const inside = references.flatMap(({ from, to }) => {
    const [one, other] = [clusterOf.get(from), clusterOf.get(to)];
    return one === undefined || other === undefined || one === other ? [] : [{ one, other }];
  });
  for (const { one, other } of inside) if (!isHub(other.main)) parts.join(one, other);
  // What refers to nothing but to something that everything refers to stands with that.
  for (const { one, other } of inside) if (isHub(other.main) && parts.isAlone(one)) parts.join(one, other);

  const loose = parts.all().filter(([only, ...rest]) => rest.length === 0 && isUnrelated(only));
  const remainder = isOneOfSeveral || schema !== "public" ? schema : "other";
  /** Where a thing goes that stands with no other; undefined: it is a group of its own. */
  const placeOf = (cluster: Cluster): string | undefined => {
    if (cluster.optIn) return "logs";
    if (isLookup(cluster)) return "lookups";
    return isUnrelated(cluster) && loose.length > LOOSE_THINGS ? remainder : undefined;
  };
  const groups: Group[] = [];
  const gathered = new Map<string, Cluster[]>();
  for (const part of parts.all()) {
    const [first, ...others] = part;
    const place = first === undefined || others.length > 0 ? undefined : placeOf(first);
    if (place === undefined) groups.push({ name: centreOf(part).main.name, clusters: part });
    else gathered.set(place, [...(gathered.get(place) ?? []), ...part]);
  }
  return [...groups, ...[...gathered].map(([name, members]) => ({ name, clusters: members }))];
}

/**
 * References that say: these belong together. A thing is bound to what one of its own columns is named after, or what it cannot be
 * without; and a pure link binds both of its ends.
 */
function bindingReferences(cluster: Cluster): Reference[] {
  if (cluster.optIn) return [];
  return cluster.tables.flatMap((table) =>
    table.references.filter((reference) => {
      if (cluster.links.has(table)) return true;
      return table === cluster.main && (reference.required || isOwnName(reference));
    }),
  );
}

function isOwnName({ to, columns, referencedColumns }: Reference): boolean {
  return columns.some(
    (column, at) =>
      isNamedAfter(column, to.name) || (column === referencedColumns[at] && column.toLowerCase() !== "id"),
  );
}

function isUnrelated(cluster: Cluster | undefined): boolean {
  return cluster?.tables.every((table) => table.references.length + table.referencedBy.length === 0) ?? false;
}

/** A small table that others refer to and that refers to none: countries, currencies, units. */
function isLookup({ main, tables }: Cluster): boolean {
  return (
    tables.length === 1 &&
    main.references.length === 0 &&
    !main.refersToItself &&
    main.referencedBy.length > 0 &&
    main.relation.columns.length <= LOOKUP_COLUMNS &&
    (main.estimatedRows ?? 0) <= LOOKUP_ROWS
  );
}

/** The thing with the most references within the part, those to it before those from it; then the first by name. */
function centreOf(part: readonly Cluster[]): Cluster {
  const partOf = new Map(part.flatMap((cluster) => cluster.tables.map((table) => [table, cluster])));
  const weigh = (cluster: Cluster): number => {
    const isOther = (table: Candidate): boolean => (partOf.get(table) ?? cluster) !== cluster;
    const count = (table: Candidate): number =>
      2 * table.referencedBy.filter(({ from }) => isOther(from)).length +
      table.references.filter(({ to }) => isOther(to)).length;
    return cluster.tables.reduce((sum, table) => sum + count(table), 0);
  };
  const weights = new Map(part.map((cluster) => [cluster, weigh(cluster)]));
  const [centre] = part.toSorted(
    (one, other) =>
      (weights.get(other) ?? 0) - (weights.get(one) ?? 0) || (one.main.name < other.main.name ? -1 : 1),
  );
  if (centre === undefined) throw new Error("a group has no member");
  return centre;
}

/** Clusters in parts that grow together. */
class Parts {
  readonly #partOf: Map<Cluster, Set<Cluster>>;

  constructor(clusters: readonly Cluster[]) {
    this.#partOf = new Map(clusters.map((cluster) => [cluster, new Set([cluster])]));
  }

  join(one: Cluster, other: Cluster): void {
    const [into, from] = [this.#partOf.get(one), this.#partOf.get(other)];
    if (into === undefined || from === undefined || into === from) return;
    const [large, small] = into.size < from.size ? [from, into] : [into, from];
    for (const cluster of small) {
      large.add(cluster);
      this.#partOf.set(cluster, large);
    }
  }

  isAlone(cluster: Cluster): boolean {
    return this.#partOf.get(cluster)?.size === 1;
  }

  /** The members of each in the order in which the clusters were given. */
  all(): Cluster[][] {
    return [...Map.groupBy(this.#partOf.keys(), (cluster) => this.#partOf.get(cluster)).values()];
  }
}
