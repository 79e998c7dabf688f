// Starting and listing backups through the API.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { generateIdentity } from "../../src/codec/age.ts";
import { openSecret } from "../../src/codec/seal.ts";
import { claimRun } from "../../src/ledger/attempts.ts";
import { finishedBackup, queuedBackup } from "./runs-driver.ts";
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

const START = `mutation ($input: StartBackupInput!) { startBackup(input: $input) {
  id status entities encryption stores label requestedBy createdAt startedAt pinned downloadUrl sizeBytes contents { table }
  progress { phase percent rows bytes } error { code }
} }`;

interface Started {
  readonly startBackup: {
    readonly id: string;
    readonly entities: string[];
    readonly [field: string]: unknown;
  };
}

const start = (input: object, by: Account = account) =>
  ask<Started>(server.url, START, { variables: { input }, authorization: by.authorization });

async function started(input: object): Promise<Started["startBackup"]> {
  const { data, errors } = await start(input);
  return data?.startBackup ?? expect.fail(JSON.stringify(errors));
}

describe("startBackup", () => {
  it("answers at once with the queued run, and a job carries it", async () => {
    const run = await started({ entities: ["USERS"], label: "before the migration" });
    expect(run).toMatchObject({
      status: "QUEUED",
      entities: ["USERS"],
      encryption: "NONE",
      stores: ["local"],
      label: "before the migration",
      requestedBy: account.username,
      startedAt: null,
      pinned: false,
      downloadUrl: null,
      sizeBytes: null,
      contents: [],
      progress: { phase: "queued", percent: 0, rows: 0, bytes: 0 },
      error: null,
    });
    expect(new Date(String(run["createdAt"])).toISOString()).toBe(run["createdAt"]);
    expect(await server.queue.has(run.id)).toBe(true);
  });

  it("takes everything but the opt-in entities by default, and those that are included", async () => {
    const all = await started({});
    expect(all.entities).toHaveLength(11);
    expect((await started({ include: ["AUDIT_LOGS"] })).entities).toEqual([...all.entities, "AUDIT_LOGS"]);
    expect((await started({ groups: ["LOGS"], entities: ["USERS"] })).entities).toEqual(["USERS", "STREAMS"]);
  });

  it("keeps a passphrase sealed for its own run and nowhere else", async () => {
    const passphrase = "the passphrase of this test";
    const { id, encryption } = await started({ entities: ["USERS"], encryption: { passphrase } });
    expect(encryption).toBe("PASSPHRASE");
    const everything = await server.world.ledger.sql`
      select (select json_agg(runs) from holdfast.runs)::text as runs,
        (select json_agg(audit_logs) from platform.audit_logs)::text as audit`;
    expect(JSON.stringify(everything)).not.toContain(passphrase);
    const claim = await claimRun(server.world.ledger, id);
    const sealed = claim.state === "claimed" ? claim.sealedSecret : null;
    expect(openSecret(SEAL_KEY, id, sealed ?? "")).toBe(passphrase);
  });

  it("notes the recipients, each once", async () => {
    const { recipient } = await generateIdentity();
    const { id, encryption } = await started({
      entities: ["USERS"],
      encryption: { recipients: [recipient, recipient] },
    });
    expect(encryption).toBe("RECIPIENTS");
    const rows = await server.world.ledger.sql`select request from holdfast.runs where id = ${id}`;
    expect(rows).toMatchObject([{ request: { recipients: [recipient] } }]);
  });

  it.each([
    ["a passphrase and recipients", { encryption: { passphrase: "x", recipients: ["age1x"] } }, "BAD_INPUT"],
    ["an empty passphrase", { encryption: { passphrase: "" } }, "BAD_INPUT"],
    ["a recipient that is none", { encryption: { recipients: ["age1nonsense"] } }, "BAD_RECIPIENT"],
    ["no recipient at all", { encryption: { recipients: [] } }, "BAD_RECIPIENT"],
    ["an unknown store", { stores: ["moon"] }, "BAD_INPUT"],
    ["no store at all", { stores: [] }, "BAD_INPUT"],
    ["nothing to back up", { entities: [] }, "BAD_INPUT"],
    ["a label with control characters", { label: "a\0b" }, "BAD_INPUT"],
    ["an idempotency key without end", { idempotencyKey: "k".repeat(10_000) }, "BAD_INPUT"],
  ])("refuses %s", async (_, input, code) => {
    const answer = await start(input);
    expect(codeOf(answer)).toBe(code);
    expect(answer.errors?.[0]?.path).toEqual(["startBackup"]);
  });

  it("puts a backup into the stores that are named", async () => {
    expect(await started({ entities: ["USERS"], stores: ["offsite", "local"] })).toMatchObject({
      stores: ["offsite", "local"],
    });
  });

  it("answers the same idempotency key with the first run, for its caller alone", async () => {
    const input = { entities: ["USERS"], idempotencyKey: "nightly 2026-11-22" };
    const [first, second] = await Promise.all([started(input), started(input)]);
    expect(second.id).toBe(first.id);
    expect((await started({ ...input, entities: ["ROLES"] })).id).toBe(first.id);
    const other = await server.accountWith(...ALL);
    expect((await start(input, other)).data?.startBackup.id).not.toBe(first.id);
    const audited = await server.world.ledger.sql`
      select from platform.audit_logs where action = 'backup.started' and target = ${`backup:${first.id}`}`;
    expect(audited).toHaveLength(1);
  });

  it("is audited with who, what and whence", async () => {
    const { id } = await started({ entities: ["USERS"] });
    const { data } = await ask<{ auditLog: { edges: { node: { details: string } }[] } }>(
      server.url,
      "{ auditLog(first: 1) { edges { node { actor action target details } } } }",
      account,
    );
    const entry = data?.auditLog.edges[0]?.node;
    expect(entry).toMatchObject({
      actor: account.username,
      action: "backup.started",
      target: `backup:${id}`,
    });
    expect(JSON.parse(entry?.details ?? "")).toMatchObject({ entities: ["USERS"], encryption: "NONE" });
    expect(
      await server.world.ledger.sql`select ip from platform.audit_logs order by id desc limit 1`,
    ).toEqual([{ ip: "127.0.0.1" }]);
  });
});

describe("backup", () => {
  it("shows what the artifact holds once the run has succeeded", async () => {
    const id = await finishedBackup(server.world.ledger, ["USERS", "ROLES"]);
    const query = `{ backup(id: "${id}") { status rows rawBytes sizeBytes stores durationMs progress { phase percent }
      contents { entity table rows rawBytes } } }`;
    const { data } = await ask<{ backup: { durationMs: number } }>(server.url, query, account);
    expect(data?.backup).toMatchObject({
      status: "SUCCEEDED",
      rows: 20,
      rawBytes: 2000,
      sizeBytes: 800,
      stores: ["local"],
      progress: { phase: "done", percent: 100 },
      contents: [
        { entity: "USERS", table: "platform.users", rows: 10, rawBytes: 1000 },
        { entity: "ROLES", table: "platform.roles", rows: 10, rawBytes: 1000 },
      ],
    });
    expect(data?.backup.durationMs).toBeGreaterThanOrEqual(0);
  });

  it.each(["no uuid", "00000000-0000-4000-8000-000000000000"])("is null for %s", async (id) => {
    expect((await ask(server.url, `{ backup(id: "${id}") { id } }`, account)).data).toEqual({ backup: null });
  });
});

describe("backups", () => {
  interface Page {
    readonly backups: {
      readonly edges: { readonly cursor: string; readonly node: { readonly id: string } }[];
      readonly pageInfo: {
        readonly hasNextPage: boolean;
        readonly hasPreviousPage: boolean;
        readonly endCursor: string;
      };
      readonly totalCount: number;
    };
  }
  const LIST = `query ($first: Int, $after: String, $filter: BackupFilter) { backups(first: $first, after: $after, filter: $filter) {
    edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage endCursor } totalCount } }`;
  const list = async (variables: object) =>
    ask<Page>(server.url, LIST, { variables, authorization: account.authorization });
  const idsOf = (page: Page | null | undefined) => page?.backups.edges.map(({ node }) => node.id);

  it("are listed the newest first, page by page", async () => {
    const { ledger } = server.world;
    const filter = { label: randomUUID() };
    const made: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      made.push(await queuedBackup(ledger, ["ALERTS"], filter));
      // Those of one millisecond have no order.
      await sleep(2);
    }
    const first = await list({ first: 2, filter });
    expect(idsOf(first.data)).toEqual([made[4], made[3]]);
    expect(first.data?.backups).toMatchObject({
      totalCount: 5,
      pageInfo: { hasNextPage: true, hasPreviousPage: false },
    });
    const second = await list({ first: 2, filter, after: first.data?.backups.pageInfo.endCursor });
    expect(idsOf(second.data)).toEqual([made[2], made[1]]);
    const last = await list({ filter, after: second.data?.backups.pageInfo.endCursor });
    expect(idsOf(last.data)).toEqual([made[0]]);
    expect(last.data?.backups.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
  });

  it("are filtered by status, entity and label", async () => {
    const { ledger } = server.world;
    const label = "filtered";
    const queued = await queuedBackup(ledger, ["USERS"], { label });
    const succeeded = await finishedBackup(ledger, ["SPACES"], { label });
    expect(idsOf((await list({ filter: { label, status: "QUEUED" } })).data)).toEqual([queued]);
    expect(idsOf((await list({ filter: { label, entity: "SPACES" } })).data)).toEqual([succeeded]);
    expect(idsOf((await list({ filter: { label: "no such" } })).data)).toEqual([]);
  });

  it.each([
    ["no entry", { first: 0 }],
    ["more than a page's worth", { first: 101 }],
    ["a cursor that is none", { after: "bm9uc2Vuc2U" }],
    ["a label with a NUL", { filter: { label: "\0" } }],
  ])("refuse %s", async (_, variables) => {
    expect(codeOf(await list(variables))).toBe("BAD_INPUT");
  });
});
