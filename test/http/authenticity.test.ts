// What vouches for a backup, and what is restored where nothing does: through the API, with a worker.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { generateIdentity } from "../../src/codec/age.ts";
import { installationSigner, type Signer } from "../../src/codec/signature.ts";
import { HEADER_NAME, INDEX_NAME } from "../../src/core/artifact.ts";
import { entityNamed } from "../../src/core/catalog.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";
import { storeSink } from "../../src/engine/artifact-io.ts";
import type { ArtifactEncryption } from "../../src/engine/artifact-writer.ts";
import { backup } from "../../src/engine/backup.ts";
import { openSingleFile } from "../../src/engine/single-file.ts";
import { noteOwnKey } from "../../src/ledger/trusted-keys.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Store } from "../../src/store/store.ts";
import { pinArtifacts } from "../../src/transfer/pin-artifacts.ts";
import { backupHandler } from "../../workers/backup.ts";
import { restoreHandler } from "../../workers/restore.ts";
import { startWorkers, type Workers } from "../../workers/start.ts";
import { verificationHandler } from "../../workers/verification.ts";
import { changed, jsonOf, reindexed, type Objects } from "../engine/artifact-fixture.ts";
import { collect } from "../codec/fixtures.ts";
import { SECRET_KEY } from "../auth/world.ts";
import {
  ALL,
  ask,
  codeOf,
  missingOf,
  startTestServer,
  type Account,
  type TestServer,
} from "./server-fixture.ts";

const ours = installationSigner(SECRET_KEY);
const theirs = installationSigner("the secret of another installation");
const stores = new Map<string, Store>([
  ["local", memoryStore()],
  ["offsite", memoryStore()],
]);

let server: TestServer;
let workers: Workers;
/** May do everything. */
let admin: Account;
/** May write roles and everything else, but RESTORE_UNTRUSTED. */
let operator: Account;
beforeAll(async () => {
  server = await startTestServer({ artifactStores: stores });
  admin = await server.accountWith(...ALL);
  operator = await server.accountWith(...ALL.filter((permission) => permission !== "RESTORE_UNTRUSTED"));
  const deps = { ...server.deps, stores };
  workers = await startWorkers(
    deps,
    { BACKUP: backupHandler(deps), RESTORE: restoreHandler(deps), VERIFICATION: verificationHandler(deps) },
    2,
  );
});
afterAll(async () => {
  await workers.close();
  await server[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await server.world.ledger.sql`delete from holdfast.trusted_keys`;
});

async function execute<T>(query: string, variables: object, by: Account = operator): Promise<T> {
  const { data, errors } = await ask<T>(server.url, query, { variables, authorization: by.authorization });
  return data ?? expect.fail(JSON.stringify(errors));
}

interface Placement {
  readonly id?: string;
  readonly store?: Store | undefined;
  readonly encryption?: ArtifactEncryption;
}

/** An artifact of the roles as they are, written into a store by whoever can write to it. */
async function written(
  signer: Signer | undefined,
  { id = randomUUID(), store = stores.get("local"), encryption = { kind: "NONE" } }: Placement = {},
): Promise<string> {
  if (store === undefined) throw new Error("no such store");
  await backup(
    { databaseUrl: server.deps.databaseUrl, sink: storeSink(store, id) },
    {
      ...{ artifactId: id, createdAt: new Date(), encryption, signer },
      entities: [entityNamed(platformCatalog, "ROLES")],
    },
    { signal: new AbortController().signal, onProgress: () => undefined },
  );
  return id;
}

/** Has the stores looked through. @returns the backup's id */
async function found(artifactId: string): Promise<string> {
  const { scanStores } = await execute<{
    scanStores: { artifactId: string; backup: { id: string } | null }[];
  }>(`mutation { scanStores { artifactId backup { id } } }`, {});
  return (
    scanStores.find((scanned) => scanned.artifactId === artifactId)?.backup?.id ?? expect.fail("not found")
  );
}

interface Restored {
  readonly status: string;
  readonly error: { readonly code: string } | null;
  readonly signature: { readonly authenticity: string; readonly publicKey: string | null } | null;
}
const START = `mutation ($input: StartRestoreInput!) { startRestore(input: $input) { id } }`;
const start = (backupId: string, input: object = {}, by: Account = operator) =>
  ask<{ startRestore: { id: string } }>(server.url, START, {
    variables: { input: { backupId, ...input } },
    authorization: by.authorization,
  });

async function restored(backupId: string, input: object = {}, by: Account = operator): Promise<Restored> {
  const { data, errors } = await start(backupId, input, by);
  const id = data?.startRestore.id ?? expect.fail(JSON.stringify(errors));
  return ended<Restored>("restore", id, "status error { code } signature { authenticity publicKey }");
}

async function ended<T extends { status: string }>(noun: string, id: string, fields: string): Promise<T> {
  const query = `query ($id: ID!) { ${noun}(id: $id) { ${fields} } }`;
  const look = async () =>
    (await execute<Record<string, T>>(query, { id }))[noun] ?? expect.fail("not there");
  await expect.poll(async () => (await look()).status, { timeout: 50_000 }).toMatch(/SUCCEEDED|FAILED/);
  return look();
}

async function made(encryption?: object): Promise<{ backupId: string; artifactId: string }> {
  const { startBackup } = await execute<{ startBackup: { id: string } }>(
    `mutation ($input: StartBackupInput!) { startBackup(input: $input) { id } }`,
    { input: { entities: ["ROLES"], stores: ["local", "offsite"], encryption } },
  );
  const { id: backupId } = startBackup;
  expect(await ended("backup", backupId, "status")).toEqual({ status: "SUCCEEDED" });
  const [row] = await server.world.ledger.sql<{ id: string }[]>`
    select id from holdfast.artifacts where run_id = ${backupId}`;
  return { backupId, artifactId: row?.id ?? "" };
}

async function authenticityOf(backupId: string): Promise<string> {
  const { backup } = await execute<{ backup: { signature: { authenticity: string } } }>(
    `query ($id: ID!) { backup(id: $id) { signature { authenticity } } }`,
    { id: backupId },
  );
  return backup.signature.authenticity;
}

/** What somebody who can write to a store makes of an artifact in it. */
async function rewrite(artifactId: string, change: (objects: Objects) => Objects, names = ["local"]) {
  for (const name of names) {
    const store = stores.get(name) ?? expect.fail("no such store");
    const objects = new Map<string, Buffer>();
    for await (const { key } of store.list(`${artifactId}/`))
      objects.set(key.slice(artifactId.length + 1), await collect(store.get(key)));
    for (const [object, bytes] of change(objects)) await store.put(`${artifactId}/${object}`, bytes);
  }
}

/** Takes the signature away, as though there had never been one. */
function stripped(objects: Objects): Objects {
  const { signedBy: _, ...header } = jsonOf(objects, HEADER_NAME);
  const all = reindexed(objects, { [HEADER_NAME]: JSON.stringify(header) });
  const { signature: _gone, ...index } = jsonOf(all, INDEX_NAME);
  return changed(all, { [INDEX_NAME]: JSON.stringify(index) });
}

describe("a backup that was made here", () => {
  it("is signed, and is restored without further ado; preview and verification show by whom it is signed", async () => {
    const { backupId } = await made();
    expect(await authenticityOf(backupId)).toBe("OWN_KEY");
    const signature = { authenticity: "OWN_KEY", publicKey: ours.publicKey };
    expect(await restored(backupId, { dryRun: true })).toMatchObject({ status: "SUCCEEDED", signature });
    expect(await restored(backupId)).toMatchObject({ status: "SUCCEEDED", signature });
    const { startVerification } = await execute<{ startVerification: { id: string } }>(
      `mutation ($id: ID!) { startVerification(input: { backupId: $id }) { id } }`,
      { id: backupId },
    );
    const fields = "status signature { authenticity publicKey }";
    expect(await ended("verification", startVerification.id, fields)).toEqual({
      status: "SUCCEEDED",
      signature,
    });
  });

  it("is not restored if another artifact lies in its place, whoever has signed that and whoever asks", async () => {
    const { recipient, identity } = await generateIdentity();
    const encryption = { kind: "RECIPIENTS", recipients: [recipient] } as const;
    for (const forger of [undefined, theirs, ours]) {
      const { backupId, artifactId } = await made({ recipients: [recipient] });
      for (const store of stores.values()) {
        for await (const { key } of store.list(`${artifactId}/`)) await store.delete(key);
        await written(forger, { id: artifactId, store, encryption });
      }
      const restore = await restored(backupId, { allowUntrusted: true, unlock: { identity } }, admin);
      expect(restore).toMatchObject({ status: "FAILED", error: { code: "ARTIFACT_TAMPERED" } });
    }
  });

  it("is restored from the store where it is genuine", async () => {
    const { backupId, artifactId } = await made();
    await written(undefined, { id: artifactId });
    expect(await restored(backupId)).toMatchObject({
      status: "SUCCEEDED",
      signature: { authenticity: "OWN_KEY" },
    });
  });

  it("is known by what the ledger recorded though its signature was taken away", async () => {
    const { backupId, artifactId } = await made();
    await rewrite(artifactId, stripped, ["local", "offsite"]);
    expect(await restored(backupId)).toMatchObject({
      status: "SUCCEEDED",
      signature: { authenticity: "RECORDED" },
    });
  });

  it("by an earlier version is noted down as it is found, and restored from then on as that alone", async () => {
    const { sql } = server.world.ledger;
    const earlier = async () => {
      const backup = await made();
      await rewrite(backup.artifactId, stripped, ["local", "offsite"]);
      await sql`update holdfast.artifacts set manifest_sha256 = null, signed_by = null where id = ${backup.artifactId}`;
      return backup;
    };
    const one = await earlier();
    const other = await earlier();
    expect(await authenticityOf(one.backupId)).toBe("RECORDED");
    // By the first that restores it, or else by whoever looks after that.
    expect(await restored(one.backupId)).toMatchObject({ status: "SUCCEEDED" });
    expect(await pinArtifacts({ ...server.deps, stores }, new AbortController().signal)).toBe(1);
    for (const { backupId, artifactId } of [one, other]) {
      for (const store of stores.values()) await written(ours, { id: artifactId, store });
      expect(await restored(backupId)).toMatchObject({
        status: "FAILED",
        error: { code: "ARTIFACT_TAMPERED" },
      });
    }
  });
});

describe("a backup that nothing vouches for", () => {
  it.each([
    [undefined, "UNSIGNED", "ARTIFACT_UNSIGNED"],
    [theirs, "UNKNOWN_KEY", "UNKNOWN_SIGNER"],
  ] as const)("is restored only on purpose, by who may: %#", async (signer, authenticity, code) => {
    const backupId = await found(await written(signer));
    expect(await authenticityOf(backupId)).toBe(authenticity);
    expect(codeOf(await start(backupId))).toBe(code);
    expect(codeOf(await start(backupId, {}, admin))).toBe(code);
    const refused = await start(backupId, { allowUntrusted: true });
    expect([codeOf(refused), missingOf(refused)]).toEqual(["FORBIDDEN", ["RESTORE_UNTRUSTED"]]);
    const signature = { authenticity, publicKey: signer?.publicKey ?? null };
    expect(await restored(backupId, { dryRun: true })).toMatchObject({ status: "SUCCEEDED", signature });
    expect(await restored(backupId, { allowUntrusted: true }, admin)).toMatchObject({
      ...{ status: "SUCCEEDED", signature },
    });
  });

  it("is found out by the worker, too: what the ledger says of it may be long ago", async () => {
    const artifactId = await written(ours);
    const backupId = await found(artifactId);
    expect(await authenticityOf(backupId)).toBe("OWN_KEY");
    await rewrite(artifactId, stripped);
    expect(await restored(backupId)).toMatchObject({
      status: "FAILED",
      error: { code: "ARTIFACT_UNSIGNED" },
    });
  });

  it("is not signed because it has been given another key", async () => {
    const { recipient, identity } = await generateIdentity();
    const encryption = { kind: "RECIPIENTS", recipients: [recipient] } as const;
    const rekey = async (backupId: string) => {
      await execute(`mutation ($input: RekeyBackupInput!) { rekeyBackup(input: $input) { id } }`, {
        input: { id: backupId, unlock: { identity }, encryption: { recipients: [recipient] } },
      });
      return authenticityOf(backupId);
    };
    expect(await rekey(await found(await written(undefined, { encryption })))).toBe("UNSIGNED");
    expect(await rekey(await found(await written(theirs, { encryption })))).toBe("UNSIGNED");
    expect(await rekey(await found(await written(ours, { encryption })))).toBe("OWN_KEY");
    const own = await made({ recipients: [recipient] });
    expect(await rekey(own.backupId)).toBe("OWN_KEY");
    expect(await restored(own.backupId, { unlock: { identity } })).toMatchObject({
      ...{ status: "SUCCEEDED", signature: { authenticity: "OWN_KEY" } },
    });
  });
});

describe("a key", () => {
  const TRUST = `mutation ($key: String!, $name: String!) {
    trustSigningKey(input: { publicKey: $key, name: $name }) { publicKey name own current trustedBy } }`;
  const DISTRUST = `mutation ($key: String!) { distrustSigningKey(publicKey: $key) }`;
  const trust = (key: string, by = admin, name = "the old host") =>
    ask(server.url, TRUST, { variables: { key, name }, authorization: by.authorization });
  const distrust = (key: string, by = admin) =>
    ask(server.url, DISTRUST, { variables: { key }, authorization: by.authorization });

  it("that is trusted makes its backups as good as the installation's own, until it is trusted no more", async () => {
    const backupId = await found(await written(theirs));
    expect(codeOf(await start(backupId))).toBe("UNKNOWN_SIGNER");
    const pem = `-----BEGIN PUBLIC KEY-----\n${theirs.publicKey}\n-----END PUBLIC KEY-----\n`;
    expect((await trust(pem)).data).toEqual({
      trustSigningKey: {
        ...{ publicKey: theirs.publicKey, name: "the old host", own: false, current: false },
        trustedBy: admin.username,
      },
    });
    expect(await authenticityOf(backupId)).toBe("TRUSTED_KEY");
    expect(await restored(backupId)).toMatchObject({
      ...{ status: "SUCCEEDED", signature: { authenticity: "TRUSTED_KEY", publicKey: theirs.publicKey } },
    });
    expect((await distrust(theirs.publicKey)).data).toEqual({ distrustSigningKey: true });
    expect(codeOf(await start(backupId))).toBe("UNKNOWN_SIGNER");
    expect(codeOf(await distrust(theirs.publicKey))).toBe("NOT_FOUND");
    const log = await server.world.ledger.sql<{ action: string; target: string }[]>`
      select action, target from platform.audit_logs where action like 'key.%' order by id`;
    expect(log.map((entry) => ({ ...entry }))).toEqual([
      { action: "key.trusted", target: `key:${theirs.publicKey}` },
      { action: "key.distrusted", target: `key:${theirs.publicKey}` },
    ]);
  });

  it("is trusted by nobody who may not restore what nothing vouches for", async () => {
    const manager = await server.accountWith("MANAGE_BACKUPS", "WRITE_ACLS");
    for (const by of [operator, manager]) {
      expect(missingOf(await trust(theirs.publicKey, by))).toEqual(["RESTORE_UNTRUSTED"]);
      expect(missingOf(await distrust(theirs.publicKey, by))).toEqual(["RESTORE_UNTRUSTED"]);
    }
    expect(codeOf(await trust("a key"))).toBe("BAD_INPUT");
    expect(codeOf(await trust(theirs.publicKey, admin, " "))).toBe("BAD_INPUT");
  });

  it("of the installation itself is trusted as long as it signs with it, and after that until somebody objects", async () => {
    const { ledger } = server.world;
    await noteOwnKey(ledger, theirs.publicKey);
    await noteOwnKey(ledger, ours.publicKey);
    await noteOwnKey(ledger, ours.publicKey);
    const { signingKeys } = await execute<{ signingKeys: object[] }>(
      `{ signingKeys { publicKey own current } }`,
      {},
    );
    expect(signingKeys).toEqual(
      expect.arrayContaining([
        { publicKey: ours.publicKey, own: true, current: true },
        { publicKey: theirs.publicKey, own: true, current: false },
      ]),
    );
    const backupId = await found(await written(theirs));
    expect(await authenticityOf(backupId)).toBe("OWN_KEY");
    expect(codeOf(await distrust(ours.publicKey))).toBe("BAD_INPUT");
    expect(codeOf(await trust(ours.publicKey))).toBe("BAD_INPUT");
    expect(codeOf(await trust(theirs.publicKey))).toBe("BAD_INPUT");
    expect((await distrust(theirs.publicKey)).data).toEqual({ distrustSigningKey: true });
    expect(codeOf(await start(backupId))).toBe("UNKNOWN_SIGNER");
  });
});

describe("a file that is sent to be restored", () => {
  async function fileOf(signer: Signer | undefined): Promise<Blob> {
    const store = memoryStore();
    const id = await written(signer, { store });
    const file = await openSingleFile(store, id);
    return new Blob([Buffer.from(await collect(file.read({ start: 0, end: file.sizeBytes })))]);
  }
  async function sent(file: Blob, query: string, by: Account) {
    const form = new FormData();
    form.set("backup", file, "auth.db");
    const response = await fetch(`${server.url}/api/v1/restore/auth${query}`, {
      ...{ method: "POST", headers: { authorization: by.authorization }, body: form },
    });
    const { error, signature } = (await response.json()) as {
      error?: { code: string };
      signature?: { authenticity: string };
    };
    return [response.status, error?.code ?? signature?.authenticity];
  }

  it("is held to the same", async () => {
    const unsigned = await fileOf(undefined);
    expect(await sent(unsigned, "", operator)).toEqual([422, "ARTIFACT_UNSIGNED"]);
    expect(await sent(await fileOf(theirs), "", admin)).toEqual([422, "UNKNOWN_SIGNER"]);
    expect(await sent(unsigned, "?dry-run=true", operator)).toEqual([200, "UNSIGNED"]);
    expect(await sent(unsigned, "?allow-untrusted=true", operator)).toEqual([403, "FORBIDDEN"]);
    expect(await sent(unsigned, "?allow-untrusted=true", admin)).toEqual([200, "UNSIGNED"]);
  });

  it("goes back as it came, for what a server sends is signed", async () => {
    const response = await fetch(`${server.url}/api/v1/backup/auth`, {
      headers: { authorization: admin.authorization },
    });
    expect(await sent(await response.blob(), "?mode=insert-missing", operator)).toEqual([200, "OWN_KEY"]);
  });
});
