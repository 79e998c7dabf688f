// Starting, seeing and cancelling runs without GraphQL around it, as REST and others call it: the same checks hold.
import { randomUUID } from "node:crypto";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Caller } from "../../src/auth/caller.ts";
import { deriveKey } from "../../src/codec/seal.ts";
import { installationSigner } from "../../src/codec/signature.ts";
import { HoldfastError } from "../../src/core/errors.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";
import { findRun } from "../../src/ledger/runs.ts";
import { findUnconfirmedRuns } from "../../src/ledger/recovery.ts";
import { openQueue, type RunQueue } from "../../src/queue/queue.ts";
import { cancelRun } from "../../src/runs/cancel-run.ts";
import type { RunDeps } from "../../src/runs/deps.ts";
import { startBackup } from "../../src/runs/start-backup.ts";
import { startRestore } from "../../src/runs/start-restore.ts";
import { findVisibleBackup } from "../../src/runs/visible.ts";
import { createWorld, type World } from "../auth/world.ts";
import { finishedBackup } from "../http/runs-driver.ts";

let world: World;
let queue: RunQueue;
let deps: RunDeps;
const logged: string[] = [];

beforeAll(async () => {
  world = await createWorld();
  const log = pino({ level: "info" }, { write: (line: string) => void logged.push(line) });
  const namespace = randomUUID();
  queue = await openQueue({ redisUrl: process.env["REDIS_URL"], databaseUrl: world.url, namespace, log });
  deps = {
    ledger: world.ledger,
    queue,
    catalog: platformCatalog,
    stores: [{ name: "local", kind: "memory", isDefault: true }],
    secretKey: deriveKey("a key", "seal"),
    signer: installationSigner("a key"),
    log,
  };
});
afterAll(async () => {
  await queue.close();
  await world[Symbol.asyncDispose]();
});

async function callerWith(...permissions: string[]): Promise<Caller> {
  const username = `u-${randomUUID()}`;
  await world.addUser(username, { roles: { [`r-${username}`]: permissions } });
  return world.auth.authenticate(await world.session(username));
}

const forbidden = (...missing: string[]) => ({ code: "FORBIDDEN", details: { missing } });

describe("without the permissions", () => {
  it("nothing is started", async () => {
    const caller = await callerWith("READ_ALERTS", "WRITE_ALERTS");
    await expect(startBackup(deps, caller, { entities: ["USERS"] })).rejects.toMatchObject(
      forbidden("READ_ACLS"),
    );
    const backupId = await finishedBackup(world.ledger, ["USERS", "ALERTS"]);
    const restore = { backupId, entities: ["USERS"], mode: "MERGE", dryRun: false } as const;
    await expect(startRestore(deps, caller, restore)).rejects.toMatchObject(forbidden("WRITE_ACLS"));
    expect(
      await world.ledger.sql`select from holdfast.runs where requested_by = ${caller.username}`,
    ).toHaveLength(0);
  });

  it("nothing is seen or cancelled", async () => {
    const starter = await callerWith("READ_ACLS");
    const { id } = await startBackup(deps, starter, { entities: ["USERS"] });
    const stranger = await callerWith("READ_ALERTS");
    expect(await findVisibleBackup(deps, stranger, id)).toBeUndefined();
    await expect(cancelRun(deps, stranger, id)).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await findVisibleBackup(deps, starter, id)).toMatchObject({ run: { id, status: "QUEUED" } });
  });
});

describe("an entity that the catalog no longer knows", () => {
  it("hides the runs that hold it from everybody, and breaks nothing", async () => {
    const caller = await callerWith(...platformCatalog.permissions);
    const id = await finishedBackup(world.ledger, ["USERS", "WIDGETS"]);
    expect(await findVisibleBackup(deps, caller, id)).toBeUndefined();
    const restore = { backupId: id, mode: "MERGE", dryRun: false } as const;
    await expect(startRestore(deps, caller, restore)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(cancelRun(deps, caller, id)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("a queue out of reach", () => {
  it("delays a run and loses none: it stays QUEUED, where it is found again", async () => {
    const down: RunQueue = {
      ...queue,
      enqueue: () => Promise.reject(new HoldfastError("QUEUE_UNREACHABLE", "The queue cannot be reached.")),
    };
    const caller = await callerWith("READ_ACLS");
    const { id } = await startBackup({ ...deps, queue: down }, caller, { entities: ["USERS"] });
    expect(await findRun(world.ledger, id)).toMatchObject({ status: "QUEUED" });
    expect(await queue.has(id)).toBe(false);
    await world.ledger
      .sql`update holdfast.runs set heartbeat_at = now() - interval '1 minute' where id = ${id}`;
    expect((await findUnconfirmedRuns(world.ledger, 1_000)).map((run) => run.id)).toContain(id);
    expect(logged.some((line) => line.includes(id))).toBe(true);
  });
});
