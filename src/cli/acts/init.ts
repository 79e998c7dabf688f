// Reads a database, asks what there is to ask, and writes a configuration file.
import { stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { readEnvironment } from "../../config/environment.ts";
import { HoldfastError } from "../../core/errors.ts";
import type { Inventory } from "../../core/inventory.ts";
import { openDatabase } from "../../postgres/connect.ts";
import { takeInventory } from "../../postgres/inventory.ts";
import { propose, type Proposal } from "../../proposal/propose.ts";
import { renderConfig } from "../../proposal/render-config.ts";
import { UsageError } from "../failure.ts";
import { STANDARD } from "../files/output.ts";
import { printResult } from "../report.ts";
import { askNames, chooseNames, type NameQuestion } from "../terminal/names.ts";
import { askLine, askSecret, hasTerminal } from "../terminal/prompt.ts";
import { describeProposal } from "./describe-proposal.ts";

export interface InitOptions {
  readonly databaseUrl?: string;
  readonly schema?: readonly string[];
  readonly output?: string;
  readonly force?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const DATABASE = "app";
const URL_VARIABLE = "APP_DATABASE_URL";
const DEFAULT_FILE = "holdfast.config.ts";
const OPT_IN = "What is opt-in is left out of a backup unless somebody asks for it.";
const CHOSEN = "was chosen to be when this file was written";

export async function runInit(options: InitOptions, signal: AbortSignal): Promise<void> {
  const environment = readEnvironment(process.env);
  const asks = options.yes !== true && options.json !== true && hasTerminal();
  const byDefault = options.output ?? environment.configFile ?? DEFAULT_FILE;
  // Before anybody answers questions for nothing.
  if (options.output !== undefined || !asks) await requireFree(byDefault, options);
  const url = options.databaseUrl ?? environment.appDatabaseUrl ?? (await askForUrl(asks, signal));
  const inventory = await look(url, signal);
  const schemas = await chooseSchemas(inventory, options.schema, asks, signal);
  const proposal = propose(inventory, { database: DATABASE, schemas });
  if (proposal.groups.length === 0) throw nothingToProtect(inventory, proposal);
  const messages = options.output === STANDARD ? process.stderr : process.stdout;
  if (asks) messages.write(`${describeProposal(proposal)}\n\n${OPT_IN}\n`);
  const decided = asks ? await chooseOptIn(proposal, signal) : proposal;
  const file = options.output ?? (asks ? await askForFile(byDefault, options, signal) : byDefault);
  const text = renderConfig(decided, { databaseName: inventory.database, urlVariable: URL_VARIABLE });
  await writeConfig(file, text, options);
  const next = nextSteps(file, url, environment.appDatabaseUrl);
  printResult(
    options,
    { file, database: inventory.database, groups: decided.groups, leftOut: decided.leftOut },
    () => [...(asks ? [] : [describeProposal(decided), ""]), ...next].join("\n"),
    messages,
  );
}

async function askForUrl(asks: boolean, signal: AbortSignal): Promise<string> {
  const question = "The database's URL, postgres://user:password@host:port/database (not shown):";
  const url = asks ? await askSecret(question, signal) : undefined;
  if (url !== undefined && url !== "") return url;
  throw new UsageError(
    "There is no database to read.",
    `Set ${URL_VARIABLE}, or give --database-url postgres://user:password@host:port/database.`,
  );
}

async function look(url: string, signal: AbortSignal): Promise<Inventory> {
  const database = openDatabase({ name: DATABASE, url, applicationName: "holdfast init", maxConnections: 1 });
  try {
    return await takeInventory(await database.session(signal));
  } finally {
    await database.close();
  }
}

/** @returns undefined: all of them */
async function chooseSchemas(
  inventory: Inventory,
  named: readonly string[] | undefined,
  asks: boolean,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  const known = [...new Set(inventory.relations.map(({ schema }) => schema))];
  if (named !== undefined) return chooseNames(named, known, "schema");
  if (!asks || known.length < 2) return undefined;
  const question: NameQuestion = { text: "Which schemas?", known, byDefault: known, noun: "schema" };
  return askNames(question, signal);
}

async function chooseOptIn(proposal: Proposal, signal: AbortSignal): Promise<Proposal> {
  const entities = proposal.groups.flatMap((group) => group.entities);
  const chosen = await askNames(
    {
      text: "Opt-in entities?",
      known: entities.map((entity) => entity.name),
      byDefault: entities.filter((entity) => entity.optInBecause !== null).map((entity) => entity.name),
      noun: "entity",
    },
    signal,
  );
  return {
    ...proposal,
    groups: proposal.groups.map((group) => ({
      ...group,
      entities: group.entities.map((entity) => ({
        ...entity,
        optInBecause: chosen.includes(entity.name) ? (entity.optInBecause ?? CHOSEN) : null,
      })),
    })),
  };
}

async function askForFile(byDefault: string, options: InitOptions, signal: AbortSignal): Promise<string> {
  const answer = (await askLine(`Which file? (Enter: ${byDefault})`, signal))?.trim() ?? "";
  const file = answer === "" ? byDefault : answer;
  await requireFree(file, options);
  return file;
}

async function requireFree(file: string, { force = false }: InitOptions): Promise<void> {
  if (file === STANDARD || force) return;
  if ((await stat(file).catch(() => undefined)) !== undefined) throw isThere(file);
}

const isThere = (file: string): UsageError =>
  new UsageError(
    `${file} is there already.`,
    "Name another file with --output, or overwrite it with --force.",
  );

function nothingToProtect({ database, role }: Inventory, { leftOut }: Proposal): HoldfastError {
  const what = leftOut.length === 0 ? "has no tables" : `has nothing that can be backed up`;
  return new HoldfastError(
    "TABLE_MISSING",
    `The database ${database}, as the role ${role} sees it, ${what}.`,
    {
      hint: "Check that the URL names the right database, and that the role may read its tables.",
      details: { leftOut },
    },
  );
}

/** Readable by whoever may read the directory: it holds no secret. */
async function writeConfig(file: string, text: string, { force = false }: InitOptions): Promise<void> {
  if (file === STANDARD) {
    process.stdout.write(text);
    return;
  }
  try {
    await writeFile(file, text, { flag: force ? "w" : "wx" });
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "EEXIST") throw isThere(file);
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HoldfastError("STORE_FAILED", `${file} could not be written: ${reason}`, { cause });
  }
}

function nextSteps(file: string, url: string, known: string | undefined): string[] {
  const isFound = file === STANDARD || path.resolve(file) === path.resolve(DEFAULT_FILE);
  return [
    ...(file === STANDARD ? [] : [`${file} is written. Next:`]),
    ...(file === STANDARD ? ["Next, with this in holdfast.config.ts:"] : []),
    ...(known === url ? [] : [`  export ${URL_VARIABLE}='${withoutPassword(url)}'`]),
    ...(isFound ? [] : [`  export HOLDFAST_CONFIG='${file.replaceAll("'", String.raw`'\''`)}'`]),
    "  holdfast doctor",
    "  holdfast backup --output backup.tar",
  ];
}

/** A password stays where it is: this is printed. */
function withoutPassword(text: string): string {
  const url = URL.parse(text);
  if (url === null) return "postgres://user:password@host:port/database";
  if (url.password !== "") url.password = "PASSWORD";
  url.searchParams.delete("password");
  return url.href.replaceAll("'", "%27");
}
