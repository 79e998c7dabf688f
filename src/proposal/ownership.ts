// Which tables go with another one: links between two things, and the details of one thing. What is left is a thing of its own.
import { isHub, referrersOf, type Candidate, type Reference } from "./candidates.ts";
import { extendsName } from "./words.ts";

export interface Ownership {
  readonly owner: Candidate;
  /** Follows the table's name: `links playlist and track`. */
  readonly why: string;
  /** A link says that the things on both of its ends belong together; a detail's other references do not. */
  readonly isLink: boolean;
}

/** Beside the keys of both ends: since when, in which role, at which place. */
const LINK_EXTRA_COLUMNS = 3;

/**
 * Gives every table that belongs to another one its direct owner; never in a circle.
 * @param standsAlone tables that belong to nobody, whatever they refer to
 */
export function findOwners(
  candidates: readonly Candidate[],
  standsAlone: (candidate: Candidate) => boolean,
): Map<Candidate, Ownership> {
  const owners = new Map<Candidate, Ownership>();
  const rules = [byInheritance, byKey, byName, byCascade, byOnlyReference];
  for (const rule of rules) {
    for (const candidate of candidates) {
      if (owners.has(candidate) || standsAlone(candidate)) continue;
      const found = rule(candidate);
      if (found !== undefined && rootOf(found.owner, owners) !== candidate) owners.set(candidate, found);
    }
  }
  return owners;
}

/** The thing that a table belongs to in the end; itself, if to nobody. */
export function rootOf(candidate: Candidate, owners: ReadonlyMap<Candidate, Ownership>): Candidate {
  const owner = owners.get(candidate)?.owner;
  return owner === undefined ? candidate : rootOf(owner, owners);
}

type Rule = (candidate: Candidate) => Ownership | undefined;

/** Whoever reads the table above reads its heirs' rows as well. */
const byInheritance: Rule = ({ inheritsFrom: [parent] }) =>
  parent === undefined ? undefined : { owner: parent, why: `inherits from ${parent.name}`, isLink: false };

/** A key that is made of foreign keys: a link between two things, or a part that its whole's key identifies. */
const byKey: Rule = (candidate) => {
  const ends = linkEnds(candidate);
  if (ends !== undefined) {
    const names = [...new Set(ends.map((end) => end.to.name))];
    const why = names.length === 1 ? `links ${names[0]} with each other` : `links ${names.join(" and ")}`;
    return { owner: chooseOwner(candidate, ends), why, isLink: true };
  }
  const { primaryKey } = candidate.relation;
  const within = requiredWithin(candidate, primaryKey);
  const isWhole = within.some((reference) => reference.columns.length === primaryKey.length);
  const parents = isWhole ? within : within.filter((reference) => !isHub(reference.to));
  if (parents.length === 0) return undefined;
  const owner = chooseOwner(candidate, parents);
  return { owner, why: `has its key from ${owner.name}`, isLink: false };
};

/** The references of a table that says little else than which two (or more) things belong together. */
function linkEnds(candidate: Candidate): readonly Reference[] | undefined {
  const { primaryKey, uniqueKeys, columns } = candidate.relation;
  const referring = new Set(candidate.references.flatMap((reference) => reference.columns));
  const rest = columns.filter((column) => !referring.has(column.name) && !primaryKey.includes(column.name));
  if (rest.length > LINK_EXTRA_COLUMNS) return undefined;
  const keys = [primaryKey, ...uniqueKeys].filter((key) => key.length > 1);
  for (const key of keys) {
    const ends = requiredWithin(candidate, key);
    const covered = new Set(ends.flatMap((end) => end.columns));
    if (ends.length >= 2 && key.every((column) => covered.has(column))) return ends;
  }
  // Without any key: two references and nothing else.
  const required = candidate.references.filter((reference) => reference.required);
  const isBare = primaryKey.length === 0 && uniqueKeys.length === 0 && rest.length === 0;
  return isBare && required.length >= 2 ? required : undefined;
}

/** In the order of the key's columns. */
function requiredWithin(candidate: Candidate, key: readonly string[]): Reference[] {
  return candidate.references
    .filter((reference) => reference.required && reference.columns.every((column) => key.includes(column)))
    .toSorted((one, other) => key.indexOf(one.columns[0] ?? "") - key.indexOf(other.columns[0] ?? ""));
}

/** `order_items` goes with `orders`, whatever else it refers to. */
const byName: Rule = (candidate) => {
  const named = candidate.references.filter(
    (reference) => reference.required && extendsName(candidate.name, reference.to.name),
  );
  const longest = named.toSorted((one, other) => other.to.name.length - one.to.name.length)[0];
  if (longest === undefined || referrersOf(candidate).length > 1) return undefined;
  return { owner: longest.to, why: `is named after ${longest.to.name} and refers to it`, isLink: false };
};

/** What is deleted with one other thing is a part of it, unless it has a life of its own: others refer to it. */
const byCascade: Rule = (candidate) => {
  const cascading = nearest(candidate.references.filter(({ required, cascades }) => required && cascades));
  const [parent] = cascading;
  if (parent === undefined || new Set(cascading.map(({ to }) => to)).size > 1) return undefined;
  if (isHub(parent.to) || candidate.referencedBy.length > 0) return undefined;
  return { owner: parent.to, why: `is deleted with ${parent.to.name}`, isLink: false };
};

/** A table that is nothing without the one thing that it refers to, and that nobody else knows. */
const byOnlyReference: Rule = (candidate) => {
  const [only, ...others] = candidate.references;
  if (only === undefined || others.length > 0 || !only.required) return undefined;
  if (isHub(only.to) || candidate.referencedBy.length > 0) return undefined;
  return { owner: only.to, why: `refers to ${only.to.name} and to nothing else`, isLink: false };
};

/** By name, else the only one whose deletion takes the link along, else the first in the key. */
function chooseOwner(candidate: Candidate, references: readonly Reference[]): Candidate {
  const near = nearest(references);
  const cascading = near.filter((reference) => reference.cascades);
  const chosen =
    near.find((reference) => extendsName(candidate.name, reference.to.name)) ??
    (cascading.length === 1 ? cascading[0] : near[0]);
  if (chosen === undefined) throw new Error("a table has no owner to choose from");
  return chosen.to;
}

/** Without those that another one refers to in its turn: what has an order and its tenant belongs to the order. */
function nearest(references: readonly Reference[]): readonly Reference[] {
  const near = references.filter(
    ({ to }) =>
      !references.some((other) => other.to !== to && refersTo(other.to, to) && !refersTo(to, other.to)),
  );
  return near.length === 0 ? references : near;
}

function refersTo(candidate: Candidate, target: Candidate): boolean {
  return candidate.references.some((reference) => reference.to === target);
}
