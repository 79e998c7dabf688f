// What the session's role lacks for backing tables up, or for restoring into them, each with the statement that gives it. Looks at
// catalogs alone and waits for nobody.
import { sql } from "drizzle-orm";
import { tableLabel, type TableName } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import { someNames } from "../core/some.ts";
import { statementText, tableIdentifier } from "./quote.ts";
import type { Session } from "./session.ts";
import { roleOf, sequencesOf, standingsOf, type Role, type Standing } from "./standings.ts";

export interface Shortfall {
  /** Follows `the role`: `may not read public.orders`. */
  readonly what: string;
  /** For somebody who may, without a semicolon. */
  readonly mend: string;
}

/** Names of tables that are there; others are passed over. @returns nothing where a backup can be made */
export async function readingShortfalls(session: Session, names: readonly TableName[]): Promise<Shortfall[]> {
  const role = await roleOf(session);
  const standings = await standingsOf(session, names);
  const read = standings.filter(({ part }) => part !== "NEIGHBOUR");
  return [...schemaShortfalls(role, read), ...tableShortfalls(role, "SELECT", read)];
}

/** @returns nothing where a restore of any rows into the tables finds what it needs */
export async function writingShortfalls(session: Session, names: readonly TableName[]): Promise<Shortfall[]> {
  const role = await roleOf(session);
  const standings = (await standingsOf(session, names)).filter(({ part }) => part !== "LEAF");
  const own = standings.filter(({ part }) => part === "OWN");
  const neighbours = standings.filter(({ part }) => part === "NEIGHBOUR");
  return [
    ...databaseShortfalls(role),
    ...schemaShortfalls(role, standings),
    ...(["SELECT", "INSERT", "UPDATE", "DELETE"] as const).flatMap((right) =>
      tableShortfalls(role, right, own),
    ),
    ...tableShortfalls(role, "SELECT", neighbours),
    ...lockShortfalls(session, role, neighbours),
    ...quietShortfalls(session, role, standings),
  ];
}

/** Rows that policies may hide from the role; a backup without them, or a restore that does not see them, would be wrong. */
export async function hiddenRows(session: Session, names: readonly TableName[]): Promise<Shortfall[]> {
  const role = await roleOf(session);
  const hidden = (await standingsOf(session, names)).filter(
    (table) => table.hidden && table.part !== "NEIGHBOUR",
  );
  if (hidden.length === 0) return [];
  return [
    {
      what: `may not see all rows of ${labels(hidden)}, which have row-level security`,
      mend: `ALTER ROLE ${identifier(role.name)} BYPASSRLS`,
    },
  ];
}

/** Whether the role may change any of the tables: one that may change none is there to read. */
export async function mayWrite(session: Session, names: readonly TableName[]): Promise<boolean> {
  const standings = await standingsOf(session, names);
  return standings.some((table) => table.part === "OWN" && (table.insert || table.update || table.delete));
}

/**
 * @param act `a backup`
 * @throws DATABASE_DENIED that names all of it
 */
export function refuseShortfalls(database: string, act: string, shortfalls: readonly Shortfall[]): void {
  if (shortfalls.length === 0) return;
  const what = shortfalls.map((shortfall) => shortfall.what).join("; ");
  const statements = shortfalls.map((shortfall) => `${shortfall.mend};`);
  throw new HoldfastError(
    "DATABASE_DENIED",
    `The role of the database ${database} cannot do what ${act} needs: it ${what}. Nothing was changed.`,
    {
      hint: `Have somebody who may run: ${statements.join(" ")}`,
      details: { database, statements },
    },
  );
}

const identifier = (name: string): string => statementText(sql`${sql.identifier(name)}`);
const tableList = (tables: readonly TableName[]): string =>
  tables.map((table) => statementText(tableIdentifier(table))).join(", ");

/** For a message: the statement beside it has them all. */
const labels = (tables: readonly TableName[]): string => someNames(tables.map(tableLabel));

function grant(right: string, object: string, { name }: Role): string {
  return `GRANT ${right} ON ${object} TO ${identifier(name)}`;
}

function databaseShortfalls(role: Role): Shortfall[] {
  const object = `DATABASE ${identifier(role.database)}`;
  const missing: Shortfall[] = [];
  if (!role.create)
    missing.push({
      what: `may not create a schema in the database ${role.database}, where rows are staged`,
      mend: grant("CREATE", object, role),
    });
  if (!role.temporary)
    missing.push({
      what: `may not create temporary tables in the database ${role.database}`,
      mend: grant("TEMPORARY", object, role),
    });
  return missing;
}

function schemaShortfalls(role: Role, tables: readonly Standing[]): Shortfall[] {
  const schemas = new Set(tables.filter((table) => !table.usage).map((table) => table.schema));
  return [...schemas].map((schema) => ({
    what: `may not use the schema ${schema}`,
    mend: grant("USAGE", `SCHEMA ${identifier(schema)}`, role),
  }));
}

const VERBS = { SELECT: "read", INSERT: "insert into", UPDATE: "update", DELETE: "delete from" } as const;
const HAS = { SELECT: "select", INSERT: "insert", UPDATE: "update", DELETE: "delete" } as const;

function tableShortfalls(role: Role, right: keyof typeof VERBS, tables: readonly Standing[]): Shortfall[] {
  const missing = tables.filter((table) => !table[HAS[right]]);
  if (missing.length === 0) return [];
  return [
    {
      what: `may not ${VERBS[right]} ${labels(missing)}`,
      mend: grant(right, `TABLE ${tableList(missing)}`, role),
    },
  ];
}

/** What foreign keys refer to or from must not change while they are checked; PostgreSQL asks for a right to write for that. */
function lockShortfalls(session: Session, role: Role, neighbours: readonly Standing[]): Shortfall[] {
  const missing = neighbours.filter((table) => !table.lock);
  if (missing.length === 0) return [];
  const right = session.serverVersion >= 170_000 ? "MAINTAIN" : "UPDATE";
  return [
    {
      what: `may not lock ${labels(missing)} against changes, which foreign keys lead from or to`,
      mend: grant(right, `TABLE ${tableList(missing)}`, role),
    },
  ];
}

/** Triggers, rules and foreign keys are put to rest: by session_replication_role, or by altering the tables, as their owners may. */
function quietShortfalls(session: Session, role: Role, tables: readonly Standing[]): Shortfall[] {
  const own = tables.filter(({ part }) => part === "OWN");
  const stubborn = own.filter((table) => table.firesInReplica && !table.owns);
  if (role.replica) return ownerShortfalls(role, stubborn, "have triggers or rules that always fire");
  const noisy = own.filter((table) => table.fires && !table.owns);
  const referring = tables.filter((table) => table.refers && !table.owns);
  const concerned = [...new Set([...noisy, ...referring])];
  if (concerned.length === 0) return referenceShortfalls(role, tables);
  if (session.serverVersion >= 150_000 && stubborn.length === 0)
    return [
      {
        what: `may not keep triggers and foreign keys of ${labels(concerned)} from firing`,
        mend: `GRANT SET ON PARAMETER session_replication_role TO ${identifier(role.name)}`,
      },
    ];
  return ownerShortfalls(role, concerned, "have triggers or foreign keys that would fire");
}

function ownerShortfalls(role: Role, tables: readonly Standing[], why: string): Shortfall[] {
  return [...Map.groupBy(tables, (table) => table.owner)].map(([owner, theirs]) => ({
    what: `may not alter ${labels(theirs)}, which ${why}`,
    mend: `GRANT ${identifier(owner)} TO ${identifier(role.name)}`,
  }));
}

/** A foreign key that an owner puts aside is made again. */
function referenceShortfalls(role: Role, tables: readonly Standing[]): Shortfall[] {
  const missing = tables.filter((table) => table.part === "NEIGHBOUR" && !table.refers && !table.references);
  if (missing.length === 0) return [];
  return [
    {
      what: `may not make foreign keys to ${labels(missing)}`,
      mend: grant("REFERENCES", `TABLE ${tableList(missing)}`, role),
    },
  ];
}

/** @returns nothing where sequences can be moved on that rows of a restore have overtaken */
export async function sequenceShortfalls(
  session: Session,
  names: readonly TableName[],
): Promise<Shortfall[]> {
  const role = await roleOf(session);
  const missing = (await sequencesOf(session, names)).filter((sequence) => !sequence.owns && !sequence.set);
  if (missing.length === 0) return [];
  return [
    {
      what: `may not move on ${labels(missing)}`,
      mend: grant("SELECT, UPDATE", `SEQUENCE ${tableList(missing)}`, role),
    },
  ];
}

/** Sequences whose state a backup by this role would not hold: a restore then goes by the rows alone. */
export async function unseenSequences(
  session: Session,
  names: readonly TableName[],
): Promise<Shortfall | undefined> {
  const role = await roleOf(session);
  const missing = (await sequencesOf(session, names)).filter((sequence) => !sequence.seen);
  if (missing.length === 0) return undefined;
  return {
    what: `may not see how far ${labels(missing)} have come`,
    mend: grant("SELECT", `SEQUENCE ${tableList(missing)}`, role),
  };
}
