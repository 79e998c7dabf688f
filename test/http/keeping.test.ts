// Importing, rekeying and finding backups through the API, with a worker that verifies and restores them.
import { randomUUID } from "node:crypto";
import { openAsBlob } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { generateIdentity } from "../../src/codec/age.ts";
import { entityNamed } from "../../src/core/catalog.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";
import { storeSink } from "../../src/engine/artifact-io.ts";
import type { ArtifactEncryption } from "../../src/engine/artifact-writer.ts";
import { backup } from "../../src/engine/backup.ts";
import { openSingleFile } from "../../src/engine/single-file.ts";
import { findRun } from "../../src/ledger/runs.ts";
import { unattendedDrill } from "../../src/runs/start-verification.ts";
import { carryRun, recordRun } from "../../src/runs/submit.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Store } from "../../src/store/store.ts";
import { backupHandler } from "../../workers/backup.ts";
import { restoreHandler } from "../../workers/restore.ts";
import { startWorkers, type Workers } from "../../workers/start.ts";
import { verificationHandler } from "../../workers/verification.ts";
import { flipped } from "../codec/fixtures.ts";
import {
  ALL,
  ask,
  codeOf,
  startTestServer,
  type Account,
  type GraphqlAnswer,
  type TestServer,
} from "./server-fixture.ts";

let server: TestServer;
let workers: Workers;
let account: Account;
let folder: string;
const stores = new Map<string, Store>([
  ["local", memoryStore()],
  ["offsite", memoryStore()],
]);
const key = await generateIdentity();

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "holdfast-keeping-"));
  server = await startTestServer({ artifactStores: stores });
  account = await server.accountWith(...ALL);
  const { ledger, queue, watcher, catalog, databaseUrl, secretKey, signer, log } = server.deps;
  const drillIdentityFile = path.join(folder, "drill.txt");
  await writeFile(drillIdentityFile, `# for drills\n${key.identity}\n`, { mode: 0o600 });
  const deps = {
    ledger,
    queue,
    watcher,
    catalog,
    stores,
    databaseUrl,
    secretKey,
    signer,
    log,
    drillIdentityFile,
  };
  workers = await startWorkers(
    deps,
    { BACKUP: backupHandler(deps), RESTORE: restoreHandler(deps), VERIFICATION: verificationHandler(deps) },
    2,
  );
});
afterAll(async () => {
  await workers.close();
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** An artifact that another Holdfast has made: in a store of its own, and as a file. */
async function elsewhere(encryption: ArtifactEncryption = { kind: "NONE" }, entities = ["ROLES"]) {
  const store = memoryStore();
  const id = randomUUID();
  const made = await backup(
    { databaseUrl: server.deps.databaseUrl, sink: storeSink(store, id) },
    {
      artifactId: id,
      createdAt: new Date("2026-01-02T03:04:05.678Z"),
      entities: entities.map((name) => entityNamed(platformCatalog, name)),
      encryption,
    },
    { signal: new AbortController().signal, onProgress: () => undefined },
  );
  const single = await openSingleFile(store, id);
  const chunks = await Array.fromAsync(single.read({ start: 0, end: single.sizeBytes }));
  return { id, store, bytes: Buffer.concat(chunks), ...made };
}

const FIELDS = `id status entities contentsKnown origin encryption stores rows sizeBytes createdAt requestedBy`;
const IMPORT = `mutation ($file: File!, $store: String, $unlock: UnlockInput) {
  importBackup(file: $file, store: $store, unlock: $unlock) { ${FIELDS} } }`;

interface Imported {
  readonly importBackup: { readonly id: string; readonly [field: string]: unknown };
}

async function send<T = Imported>(
  bytes: Uint8Array,
  options: { variables?: object; authorization?: string | undefined; query?: string } = {},
): Promise<GraphqlAnswer<T> & { readonly status: number }> {
  const { variables = {}, query = IMPORT, authorization = account.authorization } = options;
  const file = path.join(folder, randomUUID());
  await writeFile(file, bytes);
  const form = new FormData();
  form.append("operations", JSON.stringify({ query, variables: { file: null, ...variables } }));
  form.append("map", JSON.stringify({ 0: ["variables.file"] }));
  form.append("0", await openAsBlob(file), "backup.tar");
  const response = await fetch(`${server.url}/graphql`, {
    method: "POST",
    headers: authorization === "" ? {} : { authorization },
    body: form,
  });
  return { ...((await response.json()) as GraphqlAnswer<T>), status: response.status };
}

async function imported(bytes: Uint8Array, variables: object = {}): Promise<Imported["importBackup"]> {
  const { data, errors } = await send(bytes, { variables });
  return data?.importBackup ?? expect.fail(JSON.stringify(errors));
}

async function execute<T>(query: string, variables: object = {}, by: Account = account): Promise<T> {
  const { data, errors } = await ask<T>(server.url, query, { variables, authorization: by.authorization });
  return data ?? expect.fail(JSON.stringify(errors));
}

interface Verified {
  readonly status: string;
  readonly level: string;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly stores: readonly { readonly store: string; readonly fault: string | null }[];
  readonly tables: readonly { readonly table: string; readonly fault: string | null }[];
}

async function verify(backupId: string, level: string, unlock?: object): Promise<Verified> {
  const { startVerification } = await execute<{ startVerification: { id: string } }>(
    `mutation ($input: StartVerificationInput!) { startVerification(input: $input) { id } }`,
    { input: { backupId, level, unlock } },
  );
  const look = async () =>
    (
      await execute<{ verification: Verified }>(
        `query ($id: ID!) { verification(id: $id) { status level error { code message }
          stores { store fault } tables { table fault } } }`,
        { id: startVerification.id },
      )
    ).verification;
  await expect.poll(async () => (await look()).status, { timeout: 50_000 }).toMatch(/SUCCEEDED|FAILED/);
  return look();
}

const hasKeys = async (store: Store | undefined, id: string) =>
  (await Array.fromAsync(store?.list(`${id}/`) ?? [])).length > 0;

describe("importBackup", () => {
  it("lists a backup that was made elsewhere, with what it holds and when it was made", async () => {
    const { id, bytes, rows } = await elsewhere();
    const backup = await imported(bytes, { store: "offsite" });
    expect(backup).toMatchObject({
      status: "SUCCEEDED",
      entities: ["ROLES"],
      contentsKnown: true,
      origin: "IMPORTED",
      encryption: "NONE",
      stores: ["offsite"],
      rows,
      createdAt: "2026-01-02T03:04:05.678Z",
      requestedBy: account.username,
    });
    const download = await fetch(`${server.url}/api/v1/backups/${backup.id}/download`, {
      headers: { authorization: account.authorization },
    });
    expect(Buffer.from(await download.arrayBuffer()).equals(bytes)).toBe(true);
    expect(await verify(backup.id, "DRILL")).toMatchObject({
      status: "SUCCEEDED",
      level: "DRILL",
      error: null,
    });
    expect(await hasKeys(stores.get("offsite"), id)).toBe(true);
    expect((await imported(bytes)).id).toBe(backup.id);
  });

  it("lists nothing that is not whole, and keeps nothing of it", async () => {
    const { id, bytes } = await elsewhere();
    for (const [damaged, code] of [
      [flipped(bytes, 8 * 1000), /ARTIFACT_|NOT_AN/],
      [flipped(bytes, 8 * (bytes.length / 2)), /ARTIFACT_/],
      [bytes.subarray(0, bytes.length / 2), /ARTIFACT_INCOMPLETE/],
      [Buffer.from("not a tar"), /NOT_AN_ARTIFACT|ARTIFACT_/],
      [Buffer.alloc(0), /NOT_AN_ARTIFACT|ARTIFACT_/],
    ] as const) {
      expect(codeOf(await send(damaged))).toMatch(code);
      expect(await hasKeys(stores.get("local"), id)).toBe(false);
    }
  });

  it("takes files from nobody who may not manage backups, and reads none of them", async () => {
    const reader = await server.accountWith("READ_ACLS");
    expect(codeOf(await send(Buffer.alloc(10), { authorization: reader.authorization }))).toBe("FORBIDDEN");
    expect(codeOf(await send(Buffer.alloc(10), { authorization: "" }))).toBe("UNAUTHENTICATED");
  });

  it("refuses what is no such request, a file that is text, and a file for another operation", async () => {
    const { bytes } = await elsewhere();
    const literal = await ask(server.url, IMPORT, {
      variables: { file: "backup.tar" },
      authorization: account.authorization,
    });
    expect(literal.errors?.[0]?.message).toContain("multipart");
    const nowhere = await send(bytes, { query: "query { me { id } }" });
    expect(nowhere.data).toMatchObject({ me: { id: account.userId } });
    const form = new FormData();
    form.append("0", new Blob([Uint8Array.from(bytes)]), "backup.tar");
    const response = await fetch(`${server.url}/graphql`, {
      method: "POST",
      headers: { authorization: account.authorization },
      body: form,
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: "BAD_INPUT" } }] });
  });

  it("shows an encrypted one to those alone who may read everything, until somebody has opened it", async () => {
    const { bytes, rows } = await elsewhere({ kind: "RECIPIENTS", recipients: [key.recipient] });
    const backup = await imported(bytes);
    expect(backup).toMatchObject({
      entities: [],
      contentsKnown: false,
      rows: null,
      encryption: "RECIPIENTS",
    });
    const reader = await server.accountWith("READ_ACLS", "WRITE_ACLS");
    const seen = () =>
      execute<{ backup: unknown }>(
        `query ($id: ID!) { backup(id: $id) { entities rows } }`,
        { id: backup.id },
        reader,
      );
    expect(await seen()).toEqual({ backup: null });
    const restore = await ask(
      server.url,
      `mutation ($input: StartRestoreInput!) { startRestore(input: $input) { id } }`,
      {
        variables: { input: { backupId: backup.id, unlock: { identity: key.identity } } },
        authorization: reader.authorization,
      },
    );
    expect(codeOf(restore)).toBe("NOT_FOUND");
    expect(await verify(backup.id, "STORED")).toMatchObject({ status: "SUCCEEDED" });
    expect(await seen()).toEqual({ backup: null });
    expect(await verify(backup.id, "CONTENTS", { identity: key.identity })).toMatchObject({
      status: "SUCCEEDED",
    });
    expect(await seen()).toEqual({ backup: { entities: ["ROLES"], rows } });
  });

  it("knows at once what an encrypted one holds that it is given the key of", async () => {
    const { bytes, rows } = await elsewhere({ kind: "RECIPIENTS", recipients: [key.recipient] });
    expect(await imported(bytes, { unlock: { identity: key.identity } })).toMatchObject({
      entities: ["ROLES"],
      contentsKnown: true,
      rows,
    });
    const other = await elsewhere({ kind: "RECIPIENTS", recipients: [key.recipient] });
    const { identity } = await generateIdentity();
    expect(codeOf(await send(other.bytes, { variables: { unlock: { identity } } }))).toBe("WRONG_IDENTITY");
  });
});

describe("rekeyBackup", () => {
  const REKEY = `mutation ($input: RekeyBackupInput!) { rekeyBackup(input: $input) { id encryption sizeBytes } }`;

  it("gives a kept backup another key in all of its stores; the old one opens it no more", async () => {
    const { startBackup } = await execute<{ startBackup: { id: string } }>(
      `mutation ($input: StartBackupInput!) { startBackup(input: $input) { id } }`,
      {
        input: {
          entities: ["GROUPS"],
          stores: ["local", "offsite"],
          encryption: { recipients: [key.recipient] },
        },
      },
    );
    const { id } = startBackup;
    const status = async () =>
      (
        await execute<{ backup: { status: string } }>(`query ($id: ID!) { backup(id: $id) { status } }`, {
          id,
        })
      ).backup.status;
    await expect.poll(status, { timeout: 50_000 }).toBe("SUCCEEDED");
    const young = await generateIdentity();
    const input = { id, unlock: { identity: key.identity }, encryption: { recipients: [young.recipient] } };
    expect(await execute(REKEY, { input })).toMatchObject({ rekeyBackup: { id, encryption: "RECIPIENTS" } });
    expect(await verify(id, "CONTENTS", { identity: key.identity })).toMatchObject({
      status: "FAILED",
      error: { code: "WRONG_IDENTITY" },
    });
    expect(await verify(id, "CONTENTS", { identity: young.identity })).toMatchObject({
      status: "SUCCEEDED",
      stores: [
        { store: "local", fault: null },
        { store: "offsite", fault: null },
      ],
    });
    const log = await server.world.ledger.sql`
      select details from platform.audit_logs where action = 'backup.rekeyed' and target = ${`backup:${id}`}`;
    expect(log).toMatchObject([{ details: { from: "RECIPIENTS", to: "RECIPIENTS" } }]);
  });

  it("is refused without MANAGE_BACKUPS, with a wrong key, without a new one, and for what is not encrypted", async () => {
    const { bytes } = await elsewhere({ kind: "RECIPIENTS", recipients: [key.recipient] });
    const { id } = await imported(bytes, { unlock: { identity: key.identity } });
    const encryption = { recipients: [key.recipient] };
    const attempt = async (input: object, by: Account = account) =>
      codeOf(await ask(server.url, REKEY, { variables: { input }, authorization: by.authorization }));
    const { identity } = await generateIdentity();
    expect(await attempt({ id, unlock: { identity }, encryption })).toBe("WRONG_IDENTITY");
    expect(await attempt({ id, unlock: {}, encryption })).toBe("IDENTITY_REQUIRED");
    expect(await attempt({ id, unlock: { identity: key.identity }, encryption: {} })).toBe("BAD_INPUT");
    const reader = await server.accountWith("READ_ACLS", "WRITE_ACLS");
    expect(await attempt({ id, unlock: { identity: key.identity }, encryption }, reader)).toBe("FORBIDDEN");
    const plain = await imported((await elsewhere()).bytes);
    expect(await attempt({ id: plain.id, unlock: {}, encryption })).toBe("BAD_INPUT");
  });
});

describe("startVerification", () => {
  it("finds the store whose copy is damaged, and says so in the log as an error", async () => {
    const { id, bytes } = await elsewhere();
    const backup = await imported(bytes);
    const local = stores.get("local");
    const part = `${id}/parts/000001.copy.zst`;
    const [chunk] = await Array.fromAsync(local?.get(part) ?? []);
    await local?.put(part, flipped(Buffer.from(chunk ?? []), 80));
    expect(await verify(backup.id, "STORED")).toMatchObject({
      status: "FAILED",
      level: "STORED",
      error: { code: "ARTIFACT_CORRUPT", message: expect.stringContaining("In the store local") },
      stores: [{ store: "local", fault: expect.stringContaining("000001") }],
    });
    expect(server.logged).toContainEqual(
      expect.objectContaining({ level: 50, backup: backup.id, code: "ARTIFACT_CORRUPT" }),
    );
    const { backup: found } = await execute<{ backup: { verifications: object[] } }>(
      `query ($id: ID!) { backup(id: $id) { verifications { status level } } }`,
      { id: backup.id },
    );
    expect(found.verifications).toEqual([{ status: "FAILED", level: "STORED" }]);
  });
});

describe("a drill that nobody attends", () => {
  const drilled = async (
    backupId: string,
  ): Promise<{ status: string; level: string; note: string | null }> => {
    const { ledger } = server.deps;
    const run = await findRun(ledger, backupId);
    if (run?.kind !== "BACKUP") throw new Error("there is no such backup");
    const { run: drill } = await recordRun(ledger, null, unattendedDrill(run), {});
    await carryRun(server.deps, drill);
    const look = async () =>
      (
        await execute<{ verification: { status: string; level: string; note: string | null } }>(
          `query ($id: ID!) { verification(id: $id) { status level note } }`,
          { id: drill.id },
        )
      ).verification;
    await expect.poll(async () => (await look()).status, { timeout: 50_000 }).toMatch(/SUCCEEDED|FAILED/);
    return look();
  };

  it("opens what is encrypted to recipients with the identity that is configured for it", async () => {
    const { bytes } = await elsewhere({ kind: "RECIPIENTS", recipients: [key.recipient] });
    const { id } = await imported(bytes, { unlock: { identity: key.identity } });
    expect(await drilled(id)).toEqual({ status: "SUCCEEDED", level: "DRILL", note: null });
  });

  it("looks at what is stored where it has no key, and says so", async () => {
    const { bytes } = await elsewhere({ kind: "PASSPHRASE", passphrase: "horse" });
    const { id } = await imported(bytes);
    expect(await drilled(id)).toEqual({
      status: "SUCCEEDED",
      level: "STORED",
      note: expect.stringContaining("passphrase"),
    });
  });
});

describe("scanStores", () => {
  const SCAN = `mutation ($stores: [String!]) { scanStores(stores: $stores) {
    store artifactId state message backup { ${FIELDS} } } }`;
  interface Scanned {
    readonly scanStores: readonly { readonly artifactId: string; readonly [field: string]: unknown }[];
  }
  const scan = async (variables: object = {}) => (await execute<Scanned>(SCAN, variables)).scanStores;
  const findingsOf = (found: Scanned["scanStores"], id: string) =>
    found.filter(({ artifactId }) => artifactId === id);

  async function copy(from: Store, to: Store | undefined, id: string, leave: string[] = []) {
    for await (const { key: name } of from.list(`${id}/`)) {
      if (leave.some((one) => name.endsWith(one))) continue;
      await to?.put(name, Buffer.concat(await Array.fromAsync(from.get(name))));
    }
  }

  it("lists what a store holds, once, and notes the other stores that have it too", async () => {
    const { id, store, rows } = await elsewhere();
    await copy(store, stores.get("local"), id);
    expect(findingsOf(await scan({ stores: ["local"] }), id)).toMatchObject([
      {
        store: "local",
        state: "LISTED",
        message: null,
        backup: {
          entities: ["ROLES"],
          rows,
          origin: "FOUND",
          stores: ["local"],
          createdAt: "2026-01-02T03:04:05.678Z",
        },
      },
    ]);
    await copy(store, stores.get("offsite"), id);
    const again = findingsOf(await scan(), id);
    expect(again.map(({ store, state }) => ({ store, state }))).toEqual([
      { store: "local", state: "KNOWN" },
      { store: "offsite", state: "MERGED" },
    ]);
    expect(again[1]).toMatchObject({ backup: { stores: ["local", "offsite"] } });
    expect(findingsOf(await scan(), id).map(({ state }) => state)).toEqual(["KNOWN", "KNOWN"]);
  });

  it("names what was never finished, and what is not what it should be, and lists neither", async () => {
    const [unfinished, damaged, strange] = [await elsewhere(), await elsewhere(), await elsewhere()];
    await copy(unfinished.store, stores.get("local"), unfinished.id, ["index.json"]);
    await copy(damaged.store, stores.get("local"), damaged.id, ["manifest.json"]);
    for await (const { key: name } of strange.store.list(`${strange.id}/`))
      await stores
        .get("local")
        ?.put(
          name.replace(strange.id, "00000000-0000-4000-8000-000000000000"),
          Buffer.concat(await Array.fromAsync(strange.store.get(name))),
        );
    const found = await scan({ stores: ["local"] });
    expect(findingsOf(found, unfinished.id)).toMatchObject([{ state: "INCOMPLETE", backup: null }]);
    expect(findingsOf(found, damaged.id)).toMatchObject([{ state: "UNREADABLE", backup: null }]);
    expect(findingsOf(found, "00000000-0000-4000-8000-000000000000")).toMatchObject([
      { state: "UNREADABLE" },
    ]);
  });

  it("is refused without MANAGE_BACKUPS, and for a store that is not there", async () => {
    const reader = await server.accountWith("READ_ACLS");
    const attempt = async (variables: object, by: Account) =>
      codeOf(await ask(server.url, SCAN, { variables, authorization: by.authorization }));
    expect(await attempt({}, reader)).toBe("FORBIDDEN");
    expect(await attempt({ stores: ["nowhere"] }, account)).toBe("BAD_INPUT");
  });
});
