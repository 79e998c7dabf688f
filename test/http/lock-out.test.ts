// Restores of accounts that would lock out whoever asks for them: foretold, and refused unless that is confirmed.
import { afterAll, beforeAll, expect, it } from "vitest";
import { platformCatalog } from "../../src/core/platform-catalog.ts";
import { lockOutForeseen } from "../../src/runtime/guard-runs.ts";
import { backupHandler } from "../../workers/backup.ts";
import type { WorkerDeps } from "../../workers/deps.ts";
import { restoreHandler } from "../../workers/restore.ts";
import { ALL, ask, startTestServer, type Account, type TestServer } from "./server-fixture.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

type Credential = Pick<Account, "authorization">;

async function backUp({ authorization }: Credential): Promise<Blob> {
  const answer = await fetch(`${server.url}/api/v1/backup/auth`, { headers: { authorization } });
  return answer.blob();
}

async function restore(file: Blob, { authorization }: Credential, query: string) {
  const form = new FormData();
  form.set("backup", file, "auth.db");
  const request = { method: "POST", headers: { authorization }, body: form };
  const answer = await fetch(`${server.url}/api/v1/restore/auth?${query}`, request);
  const body: {
    lockOut?: string[];
    error?: { code: string; message: string; details?: { reasons: string[] } };
  } = await answer.json();
  return { status: answer.status, ...body };
}

it("is foretold in whatever way it happens, and only to those whom it happens to", async () => {
  const { sql } = server.world.ledger;
  const admin = await server.accountWith(...ALL);
  const [disabled, narrow, changed, owner] = [
    await server.accountWith(...ALL),
    await server.accountWith("READ_ACLS"),
    await server.accountWith(...ALL),
    await server.accountWith(...ALL),
  ];
  await sql`update platform.users set disabled = true where id = ${disabled.userId}`;
  await sql`update platform.users set password_hash = 'that of then' where id = ${changed.userId}`;
  const file = await backUp(admin);

  await sql`update platform.users set disabled = false where id = ${disabled.userId}`;
  await sql`update platform.users set password_hash = 'that of now' where id = ${changed.userId}`;
  await sql`update platform.roles set permissions = '{*}' where name = ${`r-${narrow.username}`}`;
  const created = await server.accountWith(...ALL);
  const caller = await server.world.auth.authenticate(owner.authorization);
  const { token } = await server.world.auth.createToken(caller, { name: "script" });
  const script = { authorization: `Bearer ${token}` };

  const foretold = async (who: Credential, mode: string) =>
    (await restore(file, who, `dry-run=true&mode=${mode}`)).lockOut;
  expect(await foretold(disabled, "merge")).toEqual(["ACCOUNT_DISABLED"]);
  expect(await foretold(changed, "merge")).toEqual(["PASSWORD_CHANGED"]);
  expect(await foretold(narrow, "merge")).toEqual(["PERMISSIONS_LOST"]);
  expect(await foretold(created, "replace")).toEqual(["ACCOUNT_GONE"]);
  expect(await foretold(created, "merge")).toEqual([]);
  expect(await foretold(script, "replace")).toEqual(["TOKEN_GONE"]);
  expect(await foretold(script, "merge")).toEqual([]);
  expect(await foretold(admin, "replace")).toEqual([]);
  expect(await foretold(narrow, "insert-missing")).toEqual([]);

  const refused = await restore(file, created, "mode=replace");
  expect([refused.status, refused.error?.code, refused.error?.details]).toEqual([
    409,
    "LOCKS_OUT",
    { reasons: ["ACCOUNT_GONE"] },
  ]);
  expect(await sql`select id::text from platform.users where id = ${created.userId}`).toHaveLength(1);
  const confirmed = await restore(file, created, "mode=replace&confirm-lock-out=true");
  expect([confirmed.status, confirmed.lockOut]).toEqual([200, ["ACCOUNT_GONE"]]);
  expect(await sql`select id::text from platform.users where id = ${created.userId}`).toEqual([]);
});

it("is foretold by a dry run over GraphQL, refused by the run, and done when it is confirmed", async () => {
  const { deps } = server;

  const workerDeps: WorkerDeps = {
    ...deps,
    stores: deps.artifactStores,
    foreseeLockOut: lockOutForeseen(platformCatalog),
  };
  const admin = await server.accountWith(...ALL);
  const started = await ask<{ startBackup: { id: string } }>(
    server.url,
    "mutation { startBackup(input: { groups: [AUTH] }) { id } }",
    admin,
  );
  const backupId = started.data?.startBackup.id ?? "";
  await backupHandler(workerDeps).handle(backupId, new AbortController().signal);
  const later = await server.accountWith(...ALL);
  const run = async (input: string) => {
    const answer = await ask<{ startRestore: { id: string } }>(
      server.url,
      `mutation { startRestore(input: { backupId: "${backupId}", mode: REPLACE, ${input} }) { id } }`,
      later,
    );
    const id = answer.data?.startRestore.id ?? expect.fail(JSON.stringify(answer));
    await restoreHandler(workerDeps).handle(id, new AbortController().signal);
    const seen = await ask<{
      restore: { status: string; lockOut: string[]; error: { code: string } | null };
    }>(server.url, `{ restore(id: "${id}") { status lockOut error { code } } }`, admin);
    return seen.data?.restore ?? expect.fail(JSON.stringify(seen));
  };
  const lockOut = ["ACCOUNT_GONE"];
  expect(await run("dryRun: true")).toEqual({ status: "SUCCEEDED", lockOut, error: null });
  expect(await run("dryRun: false")).toMatchObject({ status: "FAILED", error: { code: "LOCKS_OUT" } });
  expect(await run("confirmLockOut: true")).toEqual({ status: "SUCCEEDED", lockOut, error: null });
});
