// What the tests of acts start from: a database with accounts, a queue, and what acts are given.
import { randomUUID } from "node:crypto";
import { pino } from "pino";
import type { Caller } from "../../src/auth/caller.ts";
import { deriveKey } from "../../src/codec/seal.ts";
import { installationSigner } from "../../src/codec/signature.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";
import { openQueue, type RunQueue } from "../../src/queue/queue.ts";
import type { RunDeps } from "../../src/runs/deps.ts";
import { createWorld, type World } from "../auth/world.ts";
import { newNamespace, redisUrl } from "../queue/queue-fixture.ts";

export interface RunsWorld extends AsyncDisposable {
  readonly world: World;
  readonly deps: RunDeps;
  /** A caller with exactly these permissions. */
  callerWith(...permissions: string[]): Promise<Caller>;
  /** Another server's, on the same database and queue. */
  another(): Promise<RunDeps>;
  /** As though nothing had happened: no runs, no schedules, no audit log. */
  clear(): Promise<void>;
}

export async function createRunsWorld(): Promise<RunsWorld> {
  const world = await createWorld();
  const queues: RunQueue[] = [];
  const log = pino({ level: "silent" });
  const place = { redisUrl, databaseUrl: world.url, namespace: newNamespace(), log };
  const openedQueue = async () => {
    const queue = await openQueue(place);
    queues.push(queue);
    return queue;
  };
  const another = async (): Promise<RunDeps> => ({
    ledger: world.ledger,
    queue: await openedQueue(),
    catalog: platformCatalog,
    stores: [
      { name: "local", kind: "memory", isDefault: true },
      { name: "offsite", kind: "memory", isDefault: false },
    ],
    secretKey: deriveKey("a key", "seal"),
    signer: installationSigner("a key"),
    log,
  });
  return {
    world,
    deps: await another(),
    another,
    async clear() {
      await world.ledger.sql`truncate holdfast.schedules, holdfast.runs, platform.audit_logs cascade`;
    },
    async [Symbol.asyncDispose]() {
      for (const queue of queues) await queue.close();
      await world[Symbol.asyncDispose]();
    },
    async callerWith(...permissions) {
      const username = `u-${randomUUID()}`;
      await world.addUser(username, { roles: { [`r-${username}`]: permissions } });
      return world.auth.authenticate(await world.session(username));
    },
  };
}
