// The whole examination: one check after the other, each with what it finds as soon as it has found it. Nothing is written but a small
// object in each store, which is gone again afterwards.
import path from "node:path";
import { readConfiguration } from "../config/configuration.ts";
import type { Environment } from "../config/environment.ts";
import type { Configuration } from "../config/file/read.ts";
import { OWN_DATABASE } from "../core/catalog.ts";
import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import { readConnectionUrl } from "../dial/connection-url.ts";
import { openDatabase } from "../postgres/connect.ts";
import { checkTables } from "../runtime/check-tables.ts";
import { openExistingDatabase, type OwnDatabase } from "../runtime/own-database.ts";
import { examineArea, fault, ok, warning, type Finding } from "./finding.ts";
import { checkKeys } from "./keys.ts";
import { checkNode } from "./node.ts";
import { checkMigrations } from "./own-database.ts";
import { checkRedis } from "./queue.ts";
import { checkRemains, checkServer } from "./server.ts";
import { checkStore } from "./stores.ts";
import { checkPrivileges } from "./tables.ts";

export interface Examination {
  readonly environment: Environment;
  /** Of the one database to look at, in place of the URL that is configured: to examine another role. */
  readonly databaseUrl?: string | undefined;
}

/** @throws the signal's reason when it is aborted; HoldfastError BAD_INPUT where it is not clear which database is meant */
export async function* examine(
  { environment, databaseUrl }: Examination,
  signal: AbortSignal,
): AsyncGenerator<Finding, void, undefined> {
  yield* checkNode();
  yield* await examineArea("secret key", () => checkKeys(environment), signal);
  const { configuration, findings } = await readFile(environment);
  yield* findings;
  if (configuration === undefined) return;
  const urls = new Map(configuration.databaseUrls);
  let ownUrl = environment.databaseUrl;
  if (databaseUrl !== undefined) {
    const [only, ...others] = urls.keys();
    if (others.length > 0)
      throw new HoldfastError(
        "BAD_INPUT",
        "--database-url stands for one database, and several are configured.",
        {
          hint: `Leave it out, and set the variables that ${configuration.file ?? "the configuration"} takes its URLs from.`,
        },
      );
    if (only === undefined) ownUrl = databaseUrl;
    else urls.set(only, databaseUrl);
  }
  const reached = new Map<string, string>();
  for (const [name, url] of urls) {
    const found = await examineDatabase(name, url, configuration, signal);
    if (!isUnreachable(found)) reached.set(name, url);
    yield* found;
  }
  yield* await examineFile(configuration, reached, signal);
  yield* await examineOwn({ ...environment, databaseUrl: ownUrl }, configuration, signal);
  if (environment.redisUrl !== undefined) {
    const { redisUrl } = environment;
    yield* await examineArea("queue", (timed) => checkRedis(redisUrl, timed), signal);
  } else yield ok("queue", "in Holdfast's own database");
  for (const [name, declaration] of configuration.stores) {
    const surroundings = { sshAgent: environment.sshAgent };
    yield* await examineArea(
      `store ${name}`,
      (timed) => checkStore(name, declaration, surroundings, timed),
      signal,
    );
  }
}

const CONFIGURATION = "configuration";

async function readFile(
  environment: Environment,
): Promise<{ configuration?: Configuration; findings: Finding[] }> {
  try {
    const configuration = await readConfiguration(environment);
    const { file = "none: the built-in platform's catalog", catalog } = configuration;
    const message = `${file}, with ${catalog.entities.size} entities in ${catalog.groups.length} groups`;
    return { configuration, findings: [ok(CONFIGURATION, message)] };
  } catch (error) {
    return { findings: invalid(error) };
  }
}

/** Every fault of a file for itself. */
function invalid(error: unknown): Finding[] {
  if (!isHoldfastError(error)) throw error;
  const faults = error.details?.["faults"];
  const texts = Array.isArray(faults) ? faults.map(String) : [error.message];
  return texts.map((text) => ({ ...fault(CONFIGURATION, text), hint: error.hint }));
}

/** What the file says of tables, held against those that there are; databases that do not answer have been named. */
async function examineFile(
  configuration: Configuration,
  urls: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<Finding[]> {
  try {
    const warnings = await checkTables(configuration, urls);
    // Those about rights are told with what mends them.
    const others = warnings.filter((text) => !/may not be read by|row-level security/.test(text));
    return others.map((text) => warning(CONFIGURATION, text));
  } catch (error) {
    signal.throwIfAborted();
    return invalid(error);
  }
}

/** Every other database has said at least which server it is of. */
const isUnreachable = ([first]: readonly Finding[]): boolean => first?.level === "FAULT";

async function examineDatabase(
  name: string,
  url: string,
  { catalog }: Configuration,
  signal: AbortSignal,
): Promise<Finding[]> {
  const area = `database ${name}`;
  const entities = [...catalog.entities.values()].filter((entity) => entity.database === name);
  return examineArea(
    area,
    async (timed) => {
      const database = openDatabase({ name, url, applicationName: "holdfast doctor", maxConnections: 1 });
      try {
        const session = await database.session(timed).catch((error: unknown) => {
          const mend = mendEntry(name, url, error);
          if (mend === undefined || !isHoldfastError(error)) throw error;
          return fault(area, error.message.replace(/\.$/, ""), mend);
        });
        if ("level" in session) return [session];
        const server = await checkServer(area, session);
        // The catalogs of a version that is not supported may not be as they are expected.
        if (server.some((finding) => finding.level === "FAULT")) return server;
        return [
          ...server,
          ...(name === OWN_DATABASE ? await checkMigrations(area, session) : []),
          ...(await checkPrivileges(area, session, entities)),
          ...(await checkRemains(area, session)),
        ];
      } finally {
        await database.close();
      }
    },
    signal,
  );
}

/** What lets the role in, where the server has said that it may not come in. */
function mendEntry(name: string, url: string, error: unknown): string | undefined {
  if (!isHoldfastError(error)) return undefined;
  const quoted = (identifier: string): string => `"${identifier.replaceAll('"', '""')}"`;
  const { user, database } = readConnectionUrl(name, url).account;
  if (/permission denied for database/i.test(error.message))
    return `GRANT CONNECT ON DATABASE ${quoted(database)} TO ${quoted(user)};`;
  return /not permitted to log in/.test(error.message) ? `ALTER ROLE ${quoted(user)} LOGIN;` : undefined;
}

/** The embedded database is started for the examination where it is there and nobody has it. */
async function examineOwn(
  environment: Environment,
  configuration: Configuration,
  signal: AbortSignal,
): Promise<Finding[]> {
  const area = `database ${OWN_DATABASE}`;
  let own: OwnDatabase;
  try {
    own = await openExistingDatabase(environment);
  } catch (error) {
    signal.throwIfAborted();
    const directory = path.resolve(environment.dataDir);
    if (isHoldfastError(error, "NOT_FOUND"))
      return [ok(area, `will be made in ${directory} at the first start`)];
    if (isHoldfastError(error, "EMBEDDED_IN_USE"))
      return [ok(area, `a process that runs has the one in ${directory}; a server's /readyz says how it is`)];
    return examineArea(
      area,
      () => {
        throw error;
      },
      signal,
    );
  }
  try {
    return await examineDatabase(OWN_DATABASE, own.url, configuration, signal);
  } finally {
    await own[Symbol.asyncDispose]();
  }
}
