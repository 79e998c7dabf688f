// GET /backups/{id}/download: stored backups as files, whole or from where a download broke off.
import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { entityNamed } from "../../src/core/catalog.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";
import { storeSink, tarSource } from "../../src/engine/artifact-io.ts";
import { openArtifact } from "../../src/engine/artifact-reader.ts";
import { backup } from "../../src/engine/backup.ts";
import { finishRun } from "../../src/ledger/attempts.ts";
import { seedPlatform, SMALL_SIZES } from "../../src/platform/seed.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Store } from "../../src/store/store.ts";
import { authorized, curl, start, type Answer } from "./curl.ts";
import { claim, queuedBackup } from "./runs-driver.ts";
import {
  ALL,
  ask,
  codeOf as graphqlCodeOf,
  startTestServer,
  type Account,
  type TestServer,
} from "./server-fixture.ts";

const ENTITIES = ["USERS", "ALERTS"];

let server: TestServer;
let everybody: Account;
let directory: string;
/** A backup of ENTITIES in the store "local". */
let stored: Stored;
let whole: Buffer;

const stores = new Map<string, Store>();

interface Stored {
  /** Of the backup. */
  readonly id: string;
  readonly artifactId: string;
}

/** Backs up as a worker does, into stores that need not take all of it. */
async function backUp(label: string | null, names: readonly string[] = ["local"]): Promise<Stored> {
  const { ledger, url } = server.world;
  const id = await queuedBackup(ledger, ENTITIES, { label, stores: [...names] });
  const lease = await claim(ledger, id);
  const artifactId = randomUUID();
  const order = {
    artifactId,
    createdAt: new Date(),
    entities: ENTITIES.map((name) => entityNamed(platformCatalog, name)),
    encryption: { kind: "NONE" } as const,
  };
  const original = memoryStore();
  const control = { signal: new AbortController().signal, onProgress: () => undefined };
  const sizes = await backup(
    { databaseUrl: () => url, sink: storeSink(original, artifactId) },
    order,
    control,
  );
  for (const name of names) {
    for await (const { key } of original.list("")) await stores.get(name)?.put(key, original.get(key));
  }
  const { rows, rawBytes, sizeBytes } = sizes;
  const artifact = { id: artifactId, encryption: "NONE" as const, stores: names, contents: [] };
  await finishRun(ledger, lease, {
    status: "SUCCEEDED",
    artifact: { ...artifact, rows, rawBytes, sizeBytes },
  });
  return { id, artifactId };
}

beforeAll(async () => {
  for (const name of ["local", "offsite", "failing"]) stores.set(name, memoryStore());
  server = await startTestServer({ artifactStores: stores });
  await seedPlatform(server.world.ledger.sql, SMALL_SIZES);
  everybody = await server.accountWith(...ALL);
  directory = await mkdtemp(path.join(tmpdir(), "holdfast-rest-"));
  stored = await backUp("before the migration");
  whole = (await download(stored.id)).body;
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const at = (id: string): string => `${server.url}/api/v1/backups/${id}/download`;
const download = (id: string, ...args: string[]): Promise<Answer> =>
  curl(...authorized(everybody), ...args, at(id));
const codeOf = ({ status, json }: Answer) => [status, json.error?.code];

describe("a stored backup", () => {
  it("comes as a file of known length, with its label for a name", async () => {
    const { exitCode, status, headers, body } = await download(stored.id);
    expect([exitCode, status]).toEqual([0, 200]);
    expect(Object.fromEntries(headers)).toMatchObject({
      "content-type": "application/octet-stream",
      "content-length": String(body.length),
      "content-disposition": `attachment; filename="before the migration.holdfast.tar"; filename*=UTF-8''before%20the%20migration.holdfast.tar`,
      "accept-ranges": "bytes",
      "cache-control": "no-store",
      etag: expect.stringMatching(/^"[0-9a-f]{64}"$/),
    });
    const file = path.join(directory, "whole.tar");
    await writeFile(file, body);
    const source = await tarSource(file);
    const { manifest } = await openArtifact(source);
    await source.close();
    expect([manifest.id, manifest.entities.map(({ name }) => name)]).toEqual([stored.artifactId, ENTITIES]);
  });

  it.each([
    [null, (id: string) => `attachment; filename=${id}.holdfast.tar`],
    ["nightly-2026.11.22", () => "attachment; filename=nightly-2026.11.22.holdfast.tar"],
    ["../../etc/passwd", () => "attachment; filename=__.._etc_passwd.holdfast.tar"],
    [
      'środa "x"',
      () =>
        `attachment; filename="_roda _x_.holdfast.tar"; filename*=UTF-8''%C5%9Broda%20%22x%22.holdfast.tar`,
    ],
  ])("with the label %s has a name that harms nobody", async (label, expected) => {
    const { id } = await backUp(label);
    expect((await download(id)).headers.get("content-disposition")).toBe(expected(id));
  });

  it("is announced by HEAD with the same headers", async () => {
    const { status, headers } = await download(stored.id, "--head");
    expect([status, headers.get("content-length")]).toEqual([200, String(whole.length)]);
  });

  it("is where GraphQL says it is", async () => {
    const query = `{ backup(id: "${stored.id}") { downloadUrl } }`;
    const { data } = await ask<{ backup: { downloadUrl: string } }>(server.url, query, everybody);
    expect(new URL(data?.backup.downloadUrl ?? "", server.url).href).toBe(at(stored.id));
    const queued = await queuedBackup(server.world.ledger, ENTITIES);
    const none = await ask(server.url, `{ backup(id: "${queued}") { downloadUrl } }`, everybody);
    expect(none.data).toEqual({ backup: { downloadUrl: null } });
  });

  it("is refused by a group's endpoint where it holds another group too", async () => {
    const file = path.join(directory, "alerts-and-users.tar");
    await writeFile(file, whole);
    const form = ["--form", `backup=@${file}`];
    const answer = await curl(...authorized(everybody), ...form, `${server.url}/api/v1/restore/auth`);
    expect(codeOf(answer)).toEqual([422, "FOREIGN_CONTENTS"]);
  });

  it("is in the audit log each time, but for HEAD", async () => {
    const reader = await server.accountWith("READ_ACLS", "READ_ALERTS");
    await curl(...authorized(reader), "--head", at(stored.id));
    await curl(...authorized(reader), "--range", "0-9", at(stored.id));
    const found = await server.world.ledger.sql`
      select action, target, ip, details from platform.audit_logs where actor = ${reader.username}
        and action like 'backup.%'`;
    expect(found).toEqual([
      {
        action: "backup.downloaded",
        target: `backup:${stored.id}`,
        ip: "127.0.0.1",
        details: { start: 0, end: 10 },
      },
    ]);
  });
});

describe("a part of it", () => {
  it.each([
    ["0-0", 0, 1],
    ["100-", 100, undefined],
    ["-100", -100, undefined],
    ["500-1500", 500, 1501],
  ])("is sent for the range %s", async (range, from, to) => {
    const { status, headers, body } = await download(stored.id, "--range", range);
    expect(status).toBe(206);
    expect(body.equals(whole.subarray(from, to))).toBe(true);
    expect(headers.get("content-length")).toBe(String(body.length));
    const first = from < 0 ? whole.length + from : from;
    expect(headers.get("content-range")).toBe(`bytes ${first}-${first + body.length - 1}/${whole.length}`);
  });

  it("past its end is refused, with how much there is", async () => {
    const answer = await download(stored.id, "--range", `${whole.length}-`);
    expect(codeOf(answer)).toEqual([416, "RANGE_NOT_SATISFIABLE"]);
    expect(answer.headers.get("content-range")).toBe(`bytes */${whole.length}`);
  });

  it("is all of it where several are asked for, or the file is another by now", async () => {
    const { headers } = await download(stored.id);
    const several = await download(stored.id, "--range", "0-1,4-5");
    const stale = await download(stored.id, "--range", "0-1", "-H", 'If-Range: "another"');
    for (const { status, body } of [several, stale])
      expect([status, body.length]).toEqual([200, whole.length]);
    const fresh = await download(stored.id, "--range", "0-1", "-H", `If-Range: ${headers.get("etag") ?? ""}`);
    expect([fresh.status, fresh.body.length]).toEqual([206, 2]);
  });

  it("is what curl goes on with after a download broke off", async () => {
    const file = path.join(directory, "resumed.tar");
    for (const length of [0, 1, 700, whole.length - 1]) {
      await writeFile(file, whole);
      await truncate(file, length);
      const args = ["-sSf", "-C", "-", "-o", file, ...authorized(everybody), at(stored.id)];
      expect((await start("curl", args).outcome).exitCode).toBe(0);
      expect((await readFile(file)).equals(whole)).toBe(true);
    }
  });
});

describe("permissions", () => {
  it.each(["READ_ACLS", "READ_ALERTS"])("without %s it is not there", async (permission) => {
    const account = await server.accountWith(...ALL.filter((candidate) => candidate !== permission));
    expect(codeOf(await curl(...authorized(account), at(stored.id)))).toEqual([404, "NOT_FOUND"]);
  });

  it("with READ of what is in it and no more it is, by session and token, with prefixes and without", async () => {
    const account = await server.accountWith("READ_ACLS", "READ_ALERTS");
    const jwt = account.authorization.replace("Bearer jwt:", "");
    const caller = await server.world.auth.authenticate(account.authorization);
    const { token } = await server.world.auth.createToken(caller, { name: "script" });
    for (const credential of [`jwt:${jwt}`, jwt, `pat:${token}`, token]) {
      const { body } = await curl("-H", `Authorization: Bearer ${credential}`, at(stored.id));
      expect(body.equals(whole)).toBe(true);
    }
  });

  it("without a good token it is refused, whether it is there or not", async () => {
    for (const url of [at(stored.id), at(randomUUID())]) {
      for (const header of ["", "Bearer pat:x", "Bearer jwt:a.b.c"]) {
        const answer = await curl("-H", `Authorization: ${header}`, url);
        expect(codeOf(answer)).toEqual([401, "UNAUTHENTICATED"]);
        expect(answer.headers.get("www-authenticate")).toBe("Bearer");
      }
    }
  });
});

describe("what cannot be sent whole", () => {
  it.each(["nonsense", "00000000-0000-4000-8000-000000000000"])("is not there: %s", async (id) => {
    expect(codeOf(await download(id))).toEqual([404, "NOT_FOUND"]);
  });

  it("is not ready while the backup runs", async () => {
    const id = await queuedBackup(server.world.ledger, ENTITIES);
    expect(codeOf(await download(id))).toEqual([409, "NOT_READY"]);
  });

  it("comes from the next store where the first has not all of it", async () => {
    const { id, artifactId } = await backUp(null, ["local", "offsite"]);
    const complete = (await download(id)).body;
    await stores.get("local")?.delete(`${artifactId}/parts/000001.copy.zst`);
    expect((await download(id)).body.equals(complete)).toBe(true);
    await stores.get("offsite")?.delete(`${artifactId}/index.json`);
    expect(codeOf(await download(id))).toEqual([422, "ARTIFACT_INCOMPLETE"]);
  });

  it("is refused where another artifact has taken its place", async () => {
    const { id, artifactId } = await backUp(null);
    const local = stores.get("local") ?? memoryStore();
    for await (const { key } of local.list(`${stored.artifactId}/`))
      await local.put(key.replace(stored.artifactId, artifactId), local.get(key));
    expect(codeOf(await download(id))).toEqual([422, "ARTIFACT_TAMPERED"]);
  });

  it("is cut off where the store fails in the middle, so that curl fails and can go on", async () => {
    const { id } = await backUp(null, ["failing"]);
    const failing = stores.get("failing") ?? memoryStore();
    const complete = (await download(id)).body;
    stores.set("failing", {
      ...failing,
      async *get(key, options) {
        if (key.includes("parts/000002")) throw new Error("the disk is gone");
        yield* failing.get(key, options);
      },
    });
    const file = path.join(directory, "cut.tar");
    const args = ["-sSf", "-C", "-", "-o", file, ...authorized(everybody), at(id)];
    expect((await start("curl", args).outcome).exitCode).toBe(18);
    expect((await stat(file)).size).toBeGreaterThan(0);
    expect((await stat(file)).size).toBeLessThan(complete.length);
    expect(server.logged).toContainEqual(
      expect.objectContaining({ msg: "a download ended before it was whole" }),
    );
    stores.set("failing", failing);
    expect((await start("curl", args).outcome).exitCode).toBe(0);
    expect((await readFile(file)).equals(complete)).toBe(true);
  });
});

describe("deleting a backup", () => {
  const remove = (id: string) =>
    ask(server.url, `mutation { deleteBackup(id: "${id}") { id downloadUrl } }`, everybody);

  it("waits for nobody, but is refused while it is being sent; once deleted it is gone", async () => {
    const { id } = await backUp(null, ["failing"]);
    const failing = stores.get("failing") ?? memoryStore();
    const [reached, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    stores.set("failing", {
      ...failing,
      async *get(key, options) {
        if (key.includes("parts/000002")) {
          reached.resolve();
          await released.promise;
        }
        yield* failing.get(key, options);
      },
    });
    const sending = download(id);
    await reached.promise;
    expect(graphqlCodeOf(await remove(id))).toBe("BACKUP_IN_USE");
    released.resolve();
    expect((await sending).status).toBe(200);
    await expect
      .poll(async () => (await remove(id)).data, { timeout: 20_000 })
      .toEqual({ deleteBackup: { id, downloadUrl: null } });
    expect(codeOf(await download(id))).toEqual([410, "BACKUP_DELETED"]);
    stores.set("failing", failing);
  });

  it("is not held up by a client that asked for its headers alone, or has left", async () => {
    const { id } = await backUp(null);
    await download(id, "--head");
    await download(id, "--range", "0-9");
    const readers = () => server.world.ledger.sql`select from holdfast.artifact_readers`;
    await expect.poll(async () => (await readers()).length, { timeout: 20_000 }).toBe(0);
  });
});
