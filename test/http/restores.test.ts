// Starting restores and cancelling runs through the API.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { generateIdentity } from "../../src/codec/age.ts";
import { openSecret } from "../../src/codec/seal.ts";
import { claimRun, finishRun } from "../../src/ledger/attempts.ts";
import { claim, finishedBackup, queuedBackup, succeedRestore } from "./runs-driver.ts";
import {
  ALL,
  ask,
  codeOf,
  SEAL_KEY,
  startTestServer,
  type Account,
  type TestServer,
} from "./server-fixture.ts";

let server: TestServer;
let account: Account;
beforeAll(async () => {
  server = await startTestServer();
  account = await server.accountWith(...ALL);
});
afterAll(() => server[Symbol.asyncDispose]());

const START = `mutation ($input: StartRestoreInput!) { startRestore(input: $input) {
  id status entities mode dryRun plan changes { table } backup { id } requestedBy
} }`;

interface Started {
  readonly startRestore: { readonly id: string; readonly [field: string]: unknown };
}

const start = (input: object) =>
  ask<Started>(server.url, START, { variables: { input }, authorization: account.authorization });

async function started(input: object): Promise<Started["startRestore"]> {
  const { data, errors } = await start(input);
  return data?.startRestore ?? expect.fail(JSON.stringify(errors));
}

const secretOf = async (runId: string) => {
  const claimed = await claimRun(server.world.ledger, runId);
  const sealed = claimed.state === "claimed" ? claimed.sealedSecret : null;
  return sealed === null ? null : openSecret(SEAL_KEY, runId, sealed);
};

describe("startRestore", () => {
  it("answers at once with the queued run of everything that the backup holds, and a job carries it", async () => {
    const backupId = await finishedBackup(server.world.ledger, ["USERS", "STREAMS"]);
    const run = await started({ backupId });
    expect(run).toMatchObject({
      status: "QUEUED",
      entities: ["USERS", "STREAMS"],
      mode: "MERGE",
      dryRun: false,
      plan: null,
      changes: [],
      backup: { id: backupId },
      requestedBy: account.username,
    });
    expect(await server.queue.has(run.id)).toBe(true);
  });

  it("takes the entities, the mode and the preview that are asked for", async () => {
    const backupId = await finishedBackup(server.world.ledger, ["USERS", "STREAMS"]);
    const input = { backupId, entities: ["STREAMS"], mode: "REPLACE", dryRun: true, expectPlan: "a plan" };
    const run = await started(input);
    expect(run).toMatchObject({ entities: ["STREAMS"], mode: "REPLACE", dryRun: true });
    const rows = await server.world.ledger.sql`select request from holdfast.runs where id = ${run.id}`;
    expect(rows).toEqual([{ request: { backupId, mode: "REPLACE", dryRun: true, expectPlan: "a plan" } }]);
  });

  it("takes rows, whose entities alone take part unless others are named beside them", async () => {
    const { ledger } = server.world;
    const backupId = await finishedBackup(ledger, ["USERS", "STREAMS", "ALERTS"]);
    const rows = [{ entity: "USERS", keys: ["2", "1"], match: [{ column: "name", equals: "a" }] }];
    const run = await started({ backupId, rows });
    expect(run).toMatchObject({ entities: ["USERS"] });
    expect(await started({ backupId, rows, entities: ["ALERTS"] })).toMatchObject({
      entities: ["USERS", "ALERTS"],
    });
    const checked = [{ ...rows[0], keys: ["1", "2"] }];
    const [row] = await ledger.sql`select request -> 'rows' as rows from holdfast.runs where id = ${run.id}`;
    expect(row).toEqual({ rows: checked });
    const [entry] = await ledger.sql`select details -> 'rows' as rows from platform.audit_logs
      where target = ${`restore:${run.id}`}`;
    expect(entry).toEqual({ rows: checked });
  });

  it("takes rows of nobody who may not write them, and none with REPLACE", async () => {
    const backupId = await finishedBackup(server.world.ledger, ["USERS", "STREAMS"]);
    const rows = [{ entity: "USERS", keys: ["1"] }];
    expect(codeOf(await start({ backupId, rows, mode: "REPLACE" }))).toBe("BAD_INPUT");
    expect(codeOf(await start({ backupId, rows: [{ entity: "USERS" }] }))).toBe("BAD_INPUT");
    expect(codeOf(await start({ backupId, rows: [] }))).toBe("BAD_INPUT");
    const streams = await server.accountWith("WRITE_STREAMS");
    const input = { backupId, entities: ["STREAMS"], rows };
    expect(codeOf(await ask(server.url, START, { variables: { input }, ...streams }))).toBe("FORBIDDEN");
  });

  it("shows the changes and the plan once it has succeeded", async () => {
    const { ledger } = server.world;
    const { id } = await started({ backupId: await finishedBackup(ledger, ["USERS"]), dryRun: true });
    const counts = { inserted: 1, updated: 2, unchanged: 3, deleted: 0 };
    await succeedRestore(ledger, await claim(ledger, id), [
      { entity: "USERS", table: "platform.users", ...counts },
    ]);
    const query = `{ restore(id: "${id}") { status plan changes { entity table inserted updated unchanged deleted } } }`;
    expect((await ask(server.url, query, account)).data).toEqual({
      restore: {
        status: "SUCCEEDED",
        plan: "the plan",
        changes: [{ entity: "USERS", table: "platform.users", ...counts }],
      },
    });
  });

  it("shows chosen rows, sample rows and conflicts to who may read the entity, and to nobody else", async () => {
    const { ledger } = server.world;
    const backupId = await finishedBackup(ledger, ["ALERTS"]);
    const writer = await server.accountWith("WRITE_ALERTS");
    const rows = [{ entity: "ALERTS", keys: ["1"], match: [{ column: "name", equals: "a" }] }];
    const input = { backupId, rows, dryRun: true, sampleRows: 2, idempotencyKey: randomUUID() };
    const shown = `status selectedRows { entity keys match { column equals } } conflicts { kind entity table row other values add } error { code }
      changes { samples { kind columns { column before after changed } } }`;
    const document = `mutation ($input: StartRestoreInput!) { startRestore(input: $input) { id ${shown} } }`;
    const again = () => ask<Started>(server.url, document, { variables: { input }, ...writer });
    const id = (await again()).data?.startRestore.id ?? expect.fail();
    const samples = [
      { kind: "UPDATED", columns: [{ column: "name", before: "a", after: "b", changed: true }] },
    ] as const;
    const counts = { inserted: 0, updated: 1, unchanged: 0, deleted: 0 };
    const conflict = {
      kind: "UNIQUE",
      entity: "ALERTS",
      table: "platform.alerts",
      row: "id = 1",
      other: "id = 9",
    } as const;
    const failure = { code: "UNIQUE_CONFLICT", message: "Two rows.", hint: "Change one." } as const;
    await finishRun(ledger, await claim(ledger, id), {
      status: "FAILED",
      failure,
      outcome: {
        changes: [{ entity: "ALERTS", table: "platform.alerts", ...counts, samples }],
        plan: null,
        conflicts: [
          {
            ...{ ...conflict, constraint: "alerts_name", rows: 1, values: "name = a" },
            ...{ otherIsLive: true, references: null, add: null },
          },
        ],
      },
    });
    expect((await again()).data?.startRestore).toMatchObject({
      ...{ selectedRows: [], conflicts: [], changes: [{ samples: null }] },
    });
    const query = `{ restore(id: "${id}") { ${shown} } }`;
    expect((await ask(server.url, query, account)).data).toEqual({
      restore: {
        status: "FAILED",
        selectedRows: rows,
        error: { code: "UNIQUE_CONFLICT" },
        conflicts: [{ ...conflict, values: "name = a", add: null }],
        changes: [{ samples }],
      },
    });
  });

  it.each([
    [{ sampleRows: 2 }, /dry run/],
    [{ sampleRows: 0, dryRun: true }, /1 to 20/],
    [{ sampleRows: 21, dryRun: true }, /1 to 20/],
  ])("refuses %o", async (change, message) => {
    const backupId = await finishedBackup(server.world.ledger, ["USERS"]);
    const answer = await start({ backupId, ...change });
    expect([codeOf(answer), answer.errors?.[0]?.message]).toEqual([
      "BAD_INPUT",
      expect.stringMatching(message),
    ]);
  });

  it("seals what opens the backup, for its own run", async () => {
    const { ledger } = server.world;
    const byPassphrase = await finishedBackup(ledger, ["USERS"], { encryption: "PASSPHRASE" });
    const first = await started({ backupId: byPassphrase, unlock: { passphrase: "open" } });
    expect(await secretOf(first.id)).toBe("open");
    const { identity, recipient } = await generateIdentity();
    const byIdentity = await finishedBackup(ledger, ["USERS"], {
      encryption: "RECIPIENTS",
      recipients: [recipient],
    });
    const second = await started({ backupId: byIdentity, unlock: { identity } });
    expect(await secretOf(second.id)).toBe(identity);
  });

  it("keeps no secret where the backup is not encrypted", async () => {
    const backupId = await finishedBackup(server.world.ledger, ["USERS"]);
    expect(await secretOf((await started({ backupId, unlock: { passphrase: "needless" } })).id)).toBeNull();
  });

  it.each([
    ["PASSPHRASE", undefined, "PASSPHRASE_REQUIRED"],
    ["PASSPHRASE", { passphrase: "" }, "PASSPHRASE_REQUIRED"],
    ["PASSPHRASE", { identity: "AGE-SECRET-KEY-1" }, "PASSPHRASE_REQUIRED"],
    ["RECIPIENTS", undefined, "IDENTITY_REQUIRED"],
    ["RECIPIENTS", { passphrase: "x" }, "IDENTITY_REQUIRED"],
    ["PASSPHRASE", { passphrase: "x", identity: "y" }, "BAD_INPUT"],
  ] as const)(
    "of a backup encrypted with %s, unlocked with %o, is refused as %s",
    async (encryption, unlock, code) => {
      const backupId = await finishedBackup(server.world.ledger, ["USERS"], { encryption });
      expect(codeOf(await start({ backupId, unlock }))).toBe(code);
    },
  );

  it("of a backup that has not succeeded is refused as NOT_READY, with what to do about it", async () => {
    const { ledger } = server.world;
    const queued = await queuedBackup(ledger, ["USERS"]);
    expect((await start({ backupId: queued })).errors).toMatchObject([
      {
        message: "The backup is still QUEUED.",
        extensions: { code: "NOT_READY", hint: expect.stringMatching(/Wait/) },
      },
    ]);
    const failure = { code: "STORE_FAILED", message: "The disk is full.", hint: "Make room." } as const;
    await finishRun(ledger, await claim(ledger, queued), { status: "FAILED", failure });
    expect((await start({ backupId: queued })).errors).toMatchObject([
      {
        message: "The backup has FAILED.",
        extensions: { code: "NOT_READY", hint: expect.stringMatching(/choose/) },
      },
    ]);
    const shown = await ask(
      server.url,
      `{ backup(id: "${queued}") { status error { code message hint } } }`,
      account,
    );
    expect(shown.data).toEqual({ backup: { status: "FAILED", error: failure } });
  });

  it("of an entity that the backup does not hold is refused by name", async () => {
    const backupId = await finishedBackup(server.world.ledger, ["USERS"]);
    const answer = await start({ backupId, entities: ["USERS", "ROLES", "ALERTS"] });
    expect(codeOf(answer)).toBe("ENTITY_NOT_IN_BACKUP");
    expect(answer.errors?.[0]?.extensions?.["details"]).toEqual({ missing: ["ROLES", "ALERTS"] });
  });

  it.each([
    [
      "no entity",
      async () => ({ backupId: await finishedBackup(server.world.ledger, ["USERS"]), entities: [] }),
      "BAD_INPUT",
    ],
    ["a backup that is not there", async () => ({ backupId: randomUUID() }), "NOT_FOUND"],
    [
      "an entity of a backup that is not there",
      async () => ({ backupId: randomUUID(), entities: ["USERS"] }),
      "NOT_FOUND",
    ],
    ["what is no id", async () => ({ backupId: "no id" }), "NOT_FOUND"],
  ])("of %s is refused", async (_, input, code) => {
    expect(codeOf(await start(await input()))).toBe(code);
  });

  it("of a restore's id is refused: that is no backup", async () => {
    const { id } = await started({ backupId: await finishedBackup(server.world.ledger, ["USERS"]) });
    expect(codeOf(await start({ backupId: id }))).toBe("NOT_FOUND");
    const query = `{ backup(id: "${id}") { id } restore(id: "${id}") { id } }`;
    expect((await ask(server.url, query, account)).data).toEqual({ backup: null, restore: { id } });
  });

  it("answers the same idempotency key with the first run", async () => {
    const input = { backupId: await finishedBackup(server.world.ledger, ["USERS"]), idempotencyKey: "once" };
    expect((await started(input)).id).toBe((await started(input)).id);
  });
});

describe("restores", () => {
  it("are listed the newest first", async () => {
    const backupId = await finishedBackup(server.world.ledger, ["USERS"]);
    const older = await started({ backupId });
    const newer = await started({ backupId });
    const query = "{ restores(first: 2) { edges { node { id backup { id } } } pageInfo { hasNextPage } } }";
    expect((await ask(server.url, query, account)).data).toMatchObject({
      restores: {
        edges: [{ node: { id: newer.id, backup: { id: backupId } } }, { node: { id: older.id } }],
        pageInfo: { hasNextPage: true },
      },
    });
  });
});

describe("cancelRun", () => {
  const cancel = (id: string) =>
    ask(server.url, `mutation { cancelRun(id: "${id}") { __typename id status finishedAt } }`, account);

  it("ends a run that waits at once, forgets its secret, and is audited", async () => {
    const backupId = await finishedBackup(server.world.ledger, ["USERS"], { encryption: "PASSPHRASE" });
    const { id } = await started({ backupId, unlock: { passphrase: "x" } });
    expect((await cancel(id)).data).toEqual({
      cancelRun: { __typename: "Restore", id, status: "CANCELLED", finishedAt: expect.any(String) },
    });
    const { sql } = server.world.ledger;
    expect(await sql`select sealed_secret from holdfast.runs where id = ${id}`).toEqual([
      { sealed_secret: null },
    ]);
    expect(
      await sql`select action, actor from platform.audit_logs where target = ${`restore:${id}`} order by id`,
    ).toEqual([
      { action: "restore.started", actor: account.username },
      { action: "restore.cancelled", actor: account.username },
    ]);
  });

  it("asks a run that is being worked on to stop", async () => {
    const { ledger } = server.world;
    const id = await queuedBackup(ledger, ["USERS"]);
    const lease = await claim(ledger, id);
    expect((await cancel(id)).data).toMatchObject({ cancelRun: { __typename: "Backup", status: "RUNNING" } });
    await finishRun(ledger, lease, { status: "CANCELLED" });
    expect(codeOf(await cancel(id))).toBe("ALREADY_FINISHED");
  });

  it.each([randomUUID(), "no id"])("of %s finds nothing", async (id) => {
    expect(codeOf(await cancel(id))).toBe("NOT_FOUND");
  });
});
