// A real server on a real database and queue, for a test file. No worker runs: the tests drive runs as one would.
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Logger } from "pino";
import { deriveKey } from "../../src/codec/seal.ts";
import { installationSigner } from "../../src/codec/signature.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";
import { watchRuns } from "../../src/ledger/watch.ts";
import { openQueue, type RunQueue } from "../../src/queue/queue.ts";
import { createLog } from "../../src/runtime/log.ts";
import { createServer, type RunningServer, type ServerOptions } from "../../src/http/server.ts";
import type { ServerDeps } from "../../src/http/deps.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { createWorld, SECRET_KEY, type World } from "../auth/world.ts";

export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly world: World;
  readonly queue: RunQueue;
  readonly deps: ServerDeps;
  /** Every line that was logged, parsed. */
  readonly logged: Record<string, unknown>[];
  readonly running: RunningServer;
  /** Authorization of a new account that holds exactly these permissions. */
  accountWith(...permissions: string[]): Promise<Account>;
}

export interface Account {
  readonly username: string;
  readonly userId: string;
  readonly authorization: string;
}

export const SEAL_KEY = deriveKey(SECRET_KEY, "seal");
export const ALL = platformCatalog.permissions;

export async function startTestServer(
  change: Partial<ServerDeps> = {},
  options: Partial<ServerOptions> = {},
  database?: Parameters<typeof createWorld>[1],
): Promise<TestServer> {
  const world = await createWorld({}, database);
  const logged: Record<string, unknown>[] = [];
  const log: Logger = createLog("info", { write: (line) => void logged.push(JSON.parse(line)) });
  const queue = await openQueue({
    redisUrl: process.env["REDIS_URL"],
    databaseUrl: world.url,
    namespace: randomUUID(),
    log,
  });
  const watcher = await watchRuns(world.ledger);
  const directory = await mkdtemp(path.join(tmpdir(), "holdfast-server-"));
  const deps: ServerDeps = {
    ledger: world.ledger,
    queue,
    watcher,
    auth: world.auth,
    catalog: platformCatalog,
    stores: [
      { name: "local", kind: "memory", isDefault: true },
      { name: "offsite", kind: "memory", isDefault: false },
    ],
    artifactStores: new Map([
      ["local", memoryStore()],
      ["offsite", memoryStore()],
    ]),
    databaseUrl: () => world.url,
    spoolDirectory: path.join(directory, "uploads"),
    secretKey: SEAL_KEY,
    signer: installationSigner(SECRET_KEY),
    log,
    catalogFacts: async () => new Map(),
    notifyTargets: [{ name: "hook", kind: "webhook", on: ["failed", "drill-failed"] }],
    readiness: { database: () => world.ledger.sql`select 1`, queue: () => queue.counts() },
    recheckRightsMs: 100,
    ...change,
  };
  const running = await createServer(deps, { host: "127.0.0.1", port: 0, ...options });
  return {
    url: running.url,
    world,
    queue,
    deps,
    logged,
    running,
    async accountWith(...permissions) {
      const username = `u-${randomUUID()}`;
      const userId = await world.addUser(username, { roles: { [`r-${username}`]: permissions } });
      return { username, userId, authorization: await world.session(username) };
    },
    async [Symbol.asyncDispose]() {
      await running.close();
      await watcher.close();
      await queue.close();
      await world[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export interface GraphqlAnswer<T> {
  readonly data?: T | null | undefined;
  readonly errors?:
    | readonly {
        readonly message: string;
        readonly path?: readonly (string | number)[] | undefined;
        readonly extensions?: Readonly<Record<string, unknown>> | undefined;
      }[]
    | undefined;
}

/** Of the first error. */
export const codeOf = ({ errors }: GraphqlAnswer<unknown>) => errors?.[0]?.extensions?.["code"];
export const hintOf = ({ errors }: GraphqlAnswer<unknown>) => errors?.[0]?.extensions?.["hint"];
const detailsOf = ({ errors }: GraphqlAnswer<unknown>): Readonly<Record<string, unknown>> | undefined =>
  Object(errors?.[0]?.extensions?.["details"]);
/** The permissions that a FORBIDDEN names. */
export const missingOf = (answer: GraphqlAnswer<unknown>) => detailsOf(answer)?.["missing"];

/** Sends an operation as any client would. */
export async function ask<T = Record<string, unknown>>(
  url: string,
  query: string,
  options: { variables?: object; authorization?: string | undefined; headers?: Record<string, string> } = {},
): Promise<GraphqlAnswer<T> & { readonly status: number; readonly headers: Headers }> {
  const { variables, authorization, headers } = options;
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(authorization && { authorization }), ...headers },
    body: JSON.stringify({ query, variables }),
  });
  const answer: GraphqlAnswer<T> = await response.json();
  return { ...answer, status: response.status, headers: response.headers };
}
