// Nobody gets more rights by a restore: accounts take WRITE_ACLS, whichever way they are asked for.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { finishedBackup } from "./runs-driver.ts";
import {
  ALL,
  ask,
  codeOf,
  missingOf,
  startTestServer,
  type Account,
  type TestServer,
} from "./server-fixture.ts";

let server: TestServer;
/** May do everything but write accounts. */
let climber: Account;
let backupId: string;
beforeAll(async () => {
  server = await startTestServer();
  climber = await server.accountWith(...ALL.filter((permission) => permission !== "WRITE_ACLS"));
  backupId = await finishedBackup(server.world.ledger, ["USERS", "ROLES", "GROUPS", "TOKENS", "ALERTS"]);
});
afterAll(() => server[Symbol.asyncDispose]());

const RESTORE = "mutation ($input: StartRestoreInput!) { startRestore(input: $input) { id } }";

describe("a restore of accounts without WRITE_ACLS", () => {
  const row = { keys: ["1"] };
  const cases: [string, object][] = [
    ["all that the backup holds", {}],
    ["null for all", { entities: null, rows: null }],
    ...["USERS", "ROLES", "GROUPS", "TOKENS"].map((entity): [string, object] => [
      entity,
      { entities: [entity] },
    ]),
    ["one among others", { entities: ["ALERTS", "ROLES"] }],
    ["a row", { rows: [{ entity: "USERS", ...row }] }],
    [
      "a row beside an entity that is allowed",
      { entities: ["ALERTS"], rows: [{ entity: "TOKENS", ...row }] },
    ],
    ["a dry run, which would show what it changes", { entities: ["USERS"], dryRun: true, sampleRows: 5 }],
    ["a REPLACE", { entities: ["USERS"], mode: "REPLACE", confirmLockOut: true, allowUntrusted: true }],
  ];
  it.each(cases)("is refused: %s", async (_, choice) => {
    const input = { backupId, ...choice };
    const answer = await ask(server.url, RESTORE, { variables: { input }, ...climber });
    expect([codeOf(answer), missingOf(answer)]).toEqual(["FORBIDDEN", ["WRITE_ACLS"]]);
    const alerts = { variables: { input: { ...input, entities: ["ALERTS"], rows: null } }, ...climber };
    expect(missingOf(await ask(server.url, RESTORE, alerts))).toBeUndefined();
  });

  it("is refused over REST, before the file is read and for a file in another group's place", async () => {
    const { authorization } = climber;
    const { sql } = server.world.ledger;
    const file = await (
      await fetch(`${server.url}/api/v1/backup/auth`, { headers: { authorization } })
    ).blob();
    await sql`update platform.users set display_name = 'as it is now'`;
    const form = new FormData();
    form.set("backup", file, "auth.db");
    const restore = async (path: string) => {
      const request = { method: "POST", headers: { authorization }, body: form };
      const answer = await fetch(`${server.url}/api/v1/restore/${path}`, request);
      const { error } = await answer.json();
      return [answer.status, error.code];
    };
    expect(await restore("auth")).toEqual([403, "FORBIDDEN"]);
    expect(await restore("config")).toEqual([422, "FOREIGN_CONTENTS"]);
    expect(await restore("config?only=users:1")).toEqual([400, "BAD_INPUT"]);
    expect(await sql`select distinct display_name from platform.users`).toEqual([
      { display_name: "as it is now" },
    ]);
  });
});

it("the same idempotency key gives a token no run of its owner's that it could not start", async () => {
  const owner = await server.accountWith("READ_ACLS", "READ_ALERTS");
  const caller = await server.world.auth.authenticate(owner.authorization);
  const made = await server.world.auth.createToken(caller, { name: "t", permissions: ["READ_ALERTS"] });
  const token = { authorization: `Bearer ${made.token}` };
  const start = (who: { authorization: string }, entity: string) =>
    ask<{ startBackup: { id: string } }>(
      server.url,
      `mutation { startBackup(input: { entities: [${entity}], idempotencyKey: "k" }) { id entities } }`,
      who,
    );
  const first = await start(owner, "USERS");
  expect((await start(owner, "USERS")).data).toEqual(first.data);
  expect(missingOf(await start(token, "ALERTS"))).toEqual(["READ_ACLS"]);
  const id = first.data?.startBackup.id;
  const cancelled = await ask(server.url, `mutation { cancelRun(id: "${id}") { id } }`, token);
  expect(codeOf(cancelled)).toBe("NOT_FOUND");
});
