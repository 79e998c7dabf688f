// Asks the databases about the tables that a configuration file names: whether they are there, and what stands in the
// way of backing them up and putting them back. Every fault at once, each with its key in the file.
import { suggest } from "../config/file/faults.ts";
import { configInvalid, type Configuration, type EntityPlace } from "../config/file/read.ts";
import { OWN_DATABASE, tableKey, type Entity, type TableName } from "../core/catalog.ts";
import { isHoldfastError } from "../core/errors.ts";
import { formatTableReference } from "../core/table-reference.ts";
import { mayPass } from "../core/unreachable.ts";
import { openDatabase } from "../postgres/connect.ts";
import { surveyTables, type Survey, type SurveyedTable } from "../postgres/survey.ts";

const TIMEOUT_MS = 15_000;

/**
 * Checks the file's entities that are in the named databases; Holdfast's own entities need no check.
 * @param databaseUrls by name
 * @returns warnings, each with its key in the file: what works, though perhaps not as it was meant
 * @throws HoldfastError CONFIG_INVALID naming every fault, DATABASE_UNREACHABLE for Holdfast's own; nothing is left open
 */
export async function checkTables(
  configuration: Configuration,
  databaseUrls: ReadonlyMap<string, string>,
): Promise<string[]> {
  const { file = "The configuration", catalog, places } = configuration;
  const entities = [...catalog.entities.values()];
  const owned = new Set(
    entities.flatMap(({ database, tables }) => tables.map((table) => tableKey(database, table))),
  );
  const placed = Map.groupBy(
    entities.flatMap((entity) => placeTables(entity, places.get(entity.name))),
    ({ database }) => database,
  );
  const checks = await Promise.all(
    [...databaseUrls].map(([name, url]) => checkDatabase(name, url, placed.get(name) ?? [], owned)),
  );
  const faults = [...checks.flatMap((check) => check.faults), ...describeTwins(checks)];
  if (faults.length > 0) throw configInvalid(file, faults);
  return checks.flatMap((check) => check.warnings);
}

/** A table with its key in the file. */
interface PlacedTable extends EntityPlace {
  readonly database: string;
  readonly table: TableName;
}

function placeTables({ database, tables }: Entity, place: EntityPlace | undefined): PlacedTable[] {
  if (place === undefined) return [];
  const { key, keyless } = place;
  return tables.map((table, at) => ({ database, table, key: `${key}.tables[${at}]`, keyless }));
}

interface Check {
  readonly name: string;
  readonly identity?: string | undefined;
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

async function checkDatabase(
  name: string,
  url: string,
  placed: readonly PlacedTable[],
  owned: ReadonlySet<string>,
): Promise<Check> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const survey = await lookAt(name, url, placed, timeout);
    const faults: string[] = [];
    const warnings: string[] = [];
    for (const [at, table] of survey.tables.entries()) {
      const place = placed[at];
      if (place === undefined) continue;
      const isOwned = (other: TableName): boolean => owned.has(tableKey(name, other));
      const ofPlace = (text: string): string => `${place.key}: ${text}`;
      faults.push(...faultsOf(table, place, survey, isOwned).map(ofPlace));
      warnings.push(...warningsOf(table, isOwned).map(ofPlace));
    }
    return { name, identity: survey.identity, faults, warnings };
  } catch (error) {
    // No key of the file says where Holdfast's own database is.
    if (name === OWN_DATABASE && isHoldfastError(error, "DATABASE_UNREACHABLE")) throw error;
    const reason = `${urlKey(name)}: ${reasonOf(error, timeout)}`;
    // Whoever alters a table just now is no fault of the file's.
    if (isHoldfastError(error, "TABLE_LOCKED")) return { name, faults: [], warnings: [reason] };
    if (isAway(error, timeout)) return { name, faults: [], warnings: [`${reason} ${NOT_LOOKED_AT}`] };
    return { name, faults: [reason], warnings: [] };
  }
}

/** On the day on which a database is lost, what was saved of it, and the other databases, have to be within reach. */
function isAway(error: unknown, timeout: AbortSignal): boolean {
  return timeout.aborted || (isHoldfastError(error, "DATABASE_UNREACHABLE") && mayPass(error.cause));
}

const NOT_LOOKED_AT = "Its tables were not looked at: `holdfast doctor` does when it is back.";

async function lookAt(
  name: string,
  url: string,
  placed: readonly PlacedTable[],
  signal: AbortSignal,
): Promise<Survey> {
  const database = openDatabase({ name, url, applicationName: "holdfast check", maxConnections: 1 });
  try {
    const session = await database.session(signal);
    return await surveyTables(
      session,
      placed.map(({ table }) => table),
    );
  } finally {
    await database.close();
  }
}

/** What the catalogue of errors has no word for is no fault of the file's. */
function reasonOf(error: unknown, timeout: AbortSignal): string {
  if (timeout.aborted) return `the database did not answer within ${TIMEOUT_MS / 1000} seconds.`;
  if (!isHoldfastError(error)) throw error;
  return `${error.message.replace(/\.?$/, "")}. ${error.hint}`;
}

const urlKey = (name: string): string =>
  name === OWN_DATABASE ? "HOLDFAST_DATABASE_URL" : `databases.${name}.url`;

function faultsOf(
  { table, kind, partitionOf, foreignPartitions, key }: SurveyedTable,
  { database, keyless }: PlacedTable,
  { others }: Survey,
  isOwned: (table: TableName) => boolean,
): string[] {
  const label = formatTableReference(table);
  if (kind === "nothing")
    return [`there is no table ${label} in the database ${database}${nearest(table, others)}`];
  if (kind !== "table") return [`${label} is ${kind}; name ordinary or partitioned tables alone`];
  const parent = partitionOf.find(isOwned);
  if (parent !== undefined)
    return [
      `${label} is a partition of ${formatTableReference(parent)}, which is backed up whole; leave it out`,
    ];
  const [foreign] = foreignPartitions;
  if (foreign !== undefined)
    return [
      `${label} has the partition ${formatTableReference(foreign)}, a foreign table: its rows are not in this database`,
    ];
  if (key.length === 0 && !keyless)
    return [
      `${label} has no key to merge by (no primary key, and no unique index over columns that are NOT NULL); add one, ` +
        "or have its rows compared as a whole, with keyless: true beside tables",
    ];
  return [];
}

function nearest(table: TableName, others: readonly TableName[]): string {
  const lower = table.name.toLowerCase();
  const namesake =
    others.find((other) => other.name === table.name) ??
    others.find((other) => other.name.toLowerCase() === lower);
  const hint =
    namesake === undefined
      ? suggest(formatTableReference(table), others.map(formatTableReference))
      : `did you mean ${formatTableReference(namesake)}?`;
  return hint === "" ? ", which has no tables" : `; ${hint}`;
}

function warningsOf(
  { table, kind, refersTo, rowsAreHidden, mayRead }: SurveyedTable,
  isOwned: (table: TableName) => boolean,
): string[] {
  if (kind !== "table") return [];
  const label = formatTableReference(table);
  const lost = refersTo.filter((key) => !isOwned(key.table));
  return [
    ...(mayRead ? [] : [`${label} may not be read by the role that the URL names; it needs GRANT SELECT`]),
    ...(rowsAreHidden
      ? [`row-level security may hide rows of ${label} from the role; it needs BYPASSRLS`]
      : []),
    ...lost.map(
      (key) =>
        `${label} refers to ${formatTableReference(key.table)} (${key.constraint}), which is in no entity; a restore ` +
        "needs the rows that it refers to to be there",
    ),
  ];
}

/** One database under two names would be backed up as of two moments, and its tables could be in two entities. */
function describeTwins(checks: readonly Check[]): string[] {
  const known = checks.filter(({ identity }) => identity !== undefined);
  return [...Map.groupBy(known, ({ identity }) => identity).values()].flatMap(([first, ...twins]) =>
    first === undefined
      ? []
      : twins.map(
          ({ name }) => `${urlKey(name)}: is the database of ${urlKey(first.name)} too; declare it once`,
        ),
  );
}
