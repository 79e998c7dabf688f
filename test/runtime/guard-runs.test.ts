// What stands before a run's work, hours after it was asked for.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HoldfastError } from "../../src/core/errors.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";
import type { Run } from "../../src/ledger/run-row.ts";
import { createRun, type RunRequest } from "../../src/ledger/runs.ts";
import { guardRuns } from "../../src/runtime/guard-runs.ts";
import { finishedBackup } from "../http/runs-driver.ts";
import { createWorld, type World } from "../auth/world.ts";

let world: World;
let backupId: string;
beforeAll(async () => {
  world = await createWorld();
  backupId = await finishedBackup(world.ledger, ["STREAMS"]);
});
afterAll(() => world[Symbol.asyncDispose]());

const REQUESTS = {
  BACKUP: () => ({ label: null, encryption: "NONE", recipients: [], stores: ["local"] }),
  RESTORE: () => ({ backupId, mode: "MERGE", dryRun: false, expectPlan: null, address: "192.0.2.1" }),
  VERIFICATION: () => ({ backupId, level: "CONTENTS" }),
} as const;

async function runOf(kind: Run["kind"], username: string, requestedById: string | null): Promise<Run> {
  const { run } = await createRun(world.ledger, {
    ...({ kind, request: REQUESTS[kind]() } as RunRequest),
    id: randomUUID(),
    entities: ["STREAMS"],
    requestedById,
    requestedBy: requestedById === null ? null : username,
  });
  return run;
}

/** What becomes of a run whose work says "done". */
async function taken(run: Run, secret?: string, work: () => Promise<unknown> = async () => undefined) {
  const attempt = { run, secret: () => secret } as Parameters<ReturnType<typeof guardRuns>>[0];
  const act = async () => {
    await work();
    return {};
  };
  return guardRuns(world.auth, platformCatalog)(attempt, act).then(
    () => "done",
    (error: unknown) => (error instanceof HoldfastError ? error.code : error),
  );
}

describe("a run that waited", () => {
  const CHANGES = {
    "is disabled": (name: string) =>
      world.ledger.sql`update platform.users set disabled = true where username = ${name}`,
    "is gone": (name: string) => world.ledger.sql`delete from platform.users where username = ${name}`,
    "is another's by now": (name: string) =>
      world.ledger.sql`update platform.users set username = ${`${name}-2`} where username = ${name}`,
    "has lost the permission": (name: string) =>
      world.ledger.sql`update platform.roles set permissions = '{}' where name = ${`of ${name}`}`,
  };

  it.each(Object.entries(CHANGES))("is not begun when its requester's account %s", async (_, change) => {
    const name = randomUUID();
    const id = await world.addUser(name, { roles: { [`of ${name}`]: ["READ_STREAMS", "WRITE_STREAMS"] } });
    const runs = [];
    for (const kind of ["BACKUP", "RESTORE", "VERIFICATION"] as const) runs.push(await runOf(kind, name, id));
    for (const run of runs) expect(await taken(run)).toBe("done");
    await change(name);
    for (const run of runs) expect(await taken(run)).toBe("FORBIDDEN");
    const [, restore] = runs;
    // Some of it may be applied: the rest of it is to follow.
    if (restore?.kind === "RESTORE")
      expect(await taken({ ...restore, unfinishedId: restore.id })).toBe("done");
  });

  it("needs the right to write for a restore, to read for all else, and nothing when a schedule has started it", async () => {
    const id = await world.addUser("reader", { roles: { reading: ["READ_STREAMS"] } });
    const found = [];
    for (const kind of ["BACKUP", "RESTORE", "VERIFICATION"] as const)
      found.push(await taken(await runOf(kind, "reader", id)));
    expect(found).toEqual(["done", "FORBIDDEN", "done"]);
    expect(await taken(await runOf("BACKUP", "", null))).toBe("done");
  });

  it("is not begun when its requester has given too many wrong passphrases, over whatever runs", async () => {
    const id = await world.addUser("guesser", { roles: { writing: ["WRITE_STREAMS"] } });
    const wrong = async () => {
      throw new HoldfastError("WRONG_PASSPHRASE", "No.");
    };
    for (let count = 0; count < 10; count += 1)
      expect(await taken(await runOf("RESTORE", "guesser", id), "a guess", wrong)).toBe("WRONG_PASSPHRASE");
    const next = await runOf("RESTORE", "guesser", id);
    expect(await taken(next, "a guess")).toBe("TOO_MANY_ATTEMPTS");
    // What needs none is none.
    expect(await taken(next)).toBe("done");
    const opener = { userId: id, address: "192.0.2.1" };
    await expect(world.auth.checkOpening(opener)).rejects.toMatchObject({ code: "TOO_MANY_ATTEMPTS" });
  });
});
