// What takes long ends with the right to it: files that are sent, files that are brought, and restores under way.
import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { entityNamed } from "../../src/core/catalog.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";
import { storeSink } from "../../src/engine/artifact-io.ts";
import { backup } from "../../src/engine/backup.ts";
import { finishRun } from "../../src/ledger/attempts.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Store } from "../../src/store/store.ts";
import { claim, queuedBackup } from "./runs-driver.ts";
import { startTestServer, type Account, type TestServer } from "./server-fixture.ts";

const PATIENCE = { timeout: 30_000 };

const local = memoryStore();
/** Set: the rows that are read of the store wait for it. */
let gate: Promise<void> | undefined;
const gated: Store = {
  ...local,
  async *get(key, options) {
    if (key.includes("/parts/")) await gate;
    yield* local.get(key, options);
  },
};

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ artifactStores: new Map([["local", gated]]) });
});
afterAll(() => server[Symbol.asyncDispose]());

/** A token of a new account, and the ways in which it comes to nothing. */
async function accountWithToken(...permissions: string[]) {
  const account = await server.accountWith(...permissions);
  const { auth, ledger } = server.world;
  const caller = await auth.authenticate(account.authorization);
  const { token, accessToken } = await auth.createToken(caller, { name: "script" });
  return {
    ...account,
    authorization: `Bearer ${token}`,
    revoke: () => auth.revokeToken(caller, accessToken.id),
    expire: () => ledger.sql`update platform.tokens set expires_at = now() where id = ${accessToken.id}`,
    disable: () => ledger.sql`update platform.users set disabled = true where id = ${account.userId}`,
    narrow: () =>
      ledger.sql`update platform.roles set permissions = '{}' where name = ${`r-${account.username}`}`,
  };
}

const get = (path: string, { authorization }: Account) =>
  fetch(`${server.url}/api/v1${path}`, { headers: { authorization } });

/** Until as many sessions wait for a lock. */
const waitingForLocks = () =>
  expect
    .poll(
      () => server.world.ledger.sql`select 1 as waits from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`,
      PATIENCE,
    )
    .toHaveLength(1);

describe("the right that is lost", () => {
  it("ends a backup that is being made, and its sessions in the database", async () => {
    const account = await accountWithToken("READ_STREAMS");
    await server.world.ledger.sql.begin(async (tx) => {
      await tx`lock table platform.streams in access exclusive mode`;
      const answering = get("/backup/logs", account);
      await waitingForLocks();
      await account.revoke();
      const answer = await answering;
      expect([answer.status, await answer.json()]).toMatchObject([
        401,
        { success: false, error: { code: "UNAUTHENTICATED" } },
      ]);
    });
    await expect
      .poll(
        () => server.world.ledger.sql`select 1 from pg_stat_activity
          where datname = current_database() and application_name = 'holdfast backup'`,
        PATIENCE,
      )
      .toEqual([]);
  });

  it("cuts a download off in the middle", async () => {
    const account = await accountWithToken("READ_ACLS");
    const id = await storedBackup();
    const opened = Promise.withResolvers<void>();
    gate = opened.promise;
    const answer = await get(`/backups/${id}/download`, account);
    const body = answer.text();
    await account.narrow();
    await expect(body).rejects.toThrow("terminated");
    gate = undefined;
    opened.resolve();
    expect((await get(`/backups/${id}/download`, account)).status).toBe(404);
  });

  it("ends an upload before all of it has come", async () => {
    const account = await accountWithToken("WRITE_ACLS");
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    let answer = "";
    socket.on("data", (bytes: Buffer) => (answer += bytes.toString()));
    socket.on("error", () => undefined);
    socket.write(
      `POST /api/v1/restore/auth HTTP/1.1\r\nHost: x\r\nAuthorization: ${account.authorization}\r\n` +
        "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000000\r\n\r\n" +
        '--x\r\nContent-Disposition: form-data; name="backup"; filename="auth.db"\r\n\r\nthe beginning',
    );
    await account.disable();
    await expect.poll(() => answer, PATIENCE).toMatch(/^HTTP\/1.1 401 [^]*UNAUTHENTICATED/);
    socket.destroy();
  });

  it("ends a restore that is under way, and nothing is changed", async () => {
    const account = await accountWithToken("READ_STREAMS", "WRITE_STREAMS");
    const { sql } = server.world.ledger;
    await sql`insert into platform.streams (name) values ('backed up')`;
    const form = new FormData();
    form.set("backup", await (await get("/backup/logs", account)).blob(), "logs.db");
    await sql`delete from platform.streams`;
    await sql.begin(async (tx) => {
      await tx`lock table platform.streams in share mode`;
      const answering = fetch(`${server.url}/api/v1/restore/logs`, {
        method: "POST",
        headers: { authorization: account.authorization },
        body: form,
      });
      await waitingForLocks();
      await account.expire();
      const answer = await answering;
      expect([answer.status, await answer.json()]).toMatchObject([
        401,
        { error: { code: "UNAUTHENTICATED" } },
      ]);
    });
    expect(await sql`select name from platform.streams`).toEqual([]);
  });
});

/** Of ROLES, in the store "local". */
async function storedBackup(): Promise<string> {
  const { ledger, url } = server.world;
  const id = await queuedBackup(ledger, ["ROLES"]);
  const lease = await claim(ledger, id);
  const artifactId = randomUUID();
  const made = await backup(
    { databaseUrl: () => url, sink: storeSink(local, artifactId) },
    {
      artifactId,
      createdAt: new Date(),
      entities: [entityNamed(platformCatalog, "ROLES")],
      encryption: { kind: "NONE" },
    },
    { signal: new AbortController().signal, onProgress: () => undefined },
  );
  const { sizeBytes, rawBytes, rows } = made;

  await finishRun(ledger, lease, {
    status: "SUCCEEDED",
    artifact: {
      id: artifactId,
      encryption: "NONE",
      stores: ["local"],
      contents: [],
      sizeBytes,
      rawBytes,
      rows,
    },
  });
  return id;
}
