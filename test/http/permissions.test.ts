// What every root field requires: refused without it, granted with exactly it.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildSchema } from "../../schema/schema.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";
import { finishedBackup, queuedBackup, queuedRestore } from "./runs-driver.ts";
import {
  ALL,
  ask,
  codeOf,
  hintOf,
  missingOf,
  startTestServer,
  type Account,
  type GraphqlAnswer,
  type TestServer,
} from "./server-fixture.ts";
import { next, subscribe } from "./subscribe.ts";

let server: TestServer;
let anybody: Account;
beforeAll(async () => {
  server = await startTestServer();
  anybody = await server.accountWith();
});
afterAll(() => server[Symbol.asyncDispose]());

const without = (permission: string) => ALL.filter((candidate) => candidate !== permission);

/** One call of every root field, and whether signing in is all that it takes. */
const CALLS: Readonly<Record<string, string>> = {
  "Query.catalog": "{ catalog { groups { name } } }",
  "Query.backup": `{ backup(id: "${randomUUID()}") { id } }`,
  "Query.backups": "{ backups { totalCount } }",
  "Query.restore": `{ restore(id: "${randomUUID()}") { id } }`,
  "Query.restores": "{ restores { totalCount } }",
  "Query.verification": `{ verification(id: "${randomUUID()}") { id } }`,
  "Query.schedules": "{ schedules { name } }",
  "Query.stores": "{ stores { name } }",
  "Query.signingKeys": "{ signingKeys { name } }",
  "Query.tokens": "{ tokens { name } }",
  "Query.notifyTargets": "{ notifyTargets { name } }",
  "Query.delivery": `{ delivery(id: "${randomUUID()}") { id } }`,
  "Query.deliveries": "{ deliveries { totalCount } }",
  "Query.auditLog": "{ auditLog { edges { cursor } } }",
  "Mutation.logout": "mutation { logout }",
  "Mutation.changePassword": 'mutation { changePassword(oldPassword: "a", newPassword: "b") }',
  "Mutation.createToken": 'mutation { createToken(input: { name: "t" }) { token } }',
  "Mutation.revokeToken": `mutation { revokeToken(id: "${randomUUID()}") }`,
  "Mutation.checkStore": 'mutation { checkStore(name: "local") { reachable } }',
  "Mutation.startBackup": "mutation { startBackup(input: {}) { id } }",
  "Mutation.startRestore": `mutation { startRestore(input: { backupId: "${randomUUID()}" }) { id } }`,
  "Mutation.createSchedule": 'mutation { createSchedule(input: { name: "n", cron: "0 2 * * *" }) { id } }',
  "Mutation.updateSchedule": `mutation { updateSchedule(id: "${randomUUID()}", input: { name: "n", cron: "0 2 * * *" }) { id } }`,
  "Mutation.deleteSchedule": `mutation { deleteSchedule(id: "${randomUUID()}") }`,
  "Mutation.triggerSchedule": `mutation { triggerSchedule(id: "${randomUUID()}") { id } }`,
  "Mutation.pruneBackups":
    "mutation { pruneBackups(input: { retention: { keepLast: 1 } }) { kept { reasons } } }",
  "Mutation.pinBackup": `mutation { pinBackup(id: "${randomUUID()}", pinned: true) { id } }`,
  "Mutation.deleteBackup": `mutation { deleteBackup(id: "${randomUUID()}") { id } }`,
  "Mutation.startVerification": `mutation { startVerification(input: { backupId: "${randomUUID()}" }) { id } }`,
  "Mutation.rekeyBackup": `mutation {
    rekeyBackup(input: { id: "${randomUUID()}", unlock: { passphrase: "a" }, encryption: { passphrase: "b" } }) { id } }`,
  "Mutation.redeliver": `mutation { redeliver(id: "${randomUUID()}") { id } }`,
  "Mutation.sendTestNotice": 'mutation { sendTestNotice(target: "nobody") { id } }',
  "Mutation.trustSigningKey":
    'mutation { trustSigningKey(input: { publicKey: "none", name: "n" }) { name } }',
  "Mutation.distrustSigningKey": 'mutation { distrustSigningKey(publicKey: "none") }',
  "Mutation.scanStores": "mutation { scanStores { __typename } }",
  "Mutation.cancelRun": `mutation { cancelRun(id: "${randomUUID()}") { id } }`,
  "Subscription.backupProgress": `subscription { backupProgress(id: "${randomUUID()}") { id } }`,
  "Subscription.restoreProgress": `subscription { restoreProgress(id: "${randomUUID()}") { id } }`,
  "Subscription.verificationProgress": `subscription { verificationProgress(id: "${randomUUID()}") { id } }`,
  "Subscription.runs": "subscription { runs { id } }",
};
const PUBLIC = ["Query.me", "Mutation.login"];
/** Takes a file, which these calls do not send: keeping.test.ts has what it requires. */
const UPLOADS = ["Mutation.importBackup"];

async function call(query: string, account?: Account): Promise<GraphqlAnswer<Record<string, unknown>>> {
  const authorization = account?.authorization;
  if (!query.startsWith("subscription")) return ask(server.url, query, { authorization });
  const answers = subscribe<Record<string, unknown>>("server-sent events", server.url, {
    query,
    authorization,
  });
  const first = await next(answers);
  await answers.return();
  return first;
}

describe("without a token", () => {
  it("there is a call for every root field, so that none is forgotten here", () => {
    const schema = buildSchema(platformCatalog);
    const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
    const fields = roots.flatMap((type) =>
      Object.keys(type?.getFields() ?? {}).map((name) => `${type?.name}.${name}`),
    );
    expect(fields.toSorted()).toEqual([...PUBLIC, ...UPLOADS, ...Object.keys(CALLS)].toSorted());
  });

  it.each(Object.entries(CALLS))("%s is refused as UNAUTHENTICATED, with a hint", async (_, query) => {
    const answer = await call(query);
    expect(codeOf(answer)).toBe("UNAUTHENTICATED");
    expect(hintOf(answer)).toMatch(/Sign in/);
    expect(Object.values(answer.data ?? {}).filter((value) => value !== null)).toEqual([]);
  });

  it("me is nobody, and login signs in", async () => {
    expect((await ask(server.url, "{ me { id } }")).data).toEqual({ me: null });
    const query =
      'mutation ($name: String!) { login(username: $name, password: "correct horse") { token account { username } } }';
    const answer = await ask<{ login: { token: string; account: { username: string } } }>(server.url, query, {
      variables: { name: anybody.username },
    });
    expect(answer.data?.login.account.username).toBe(anybody.username);
    const me = await ask(server.url, "{ me { username } }", {
      authorization: `Bearer ${answer.data?.login.token}`,
    });
    expect(me.data).toEqual({ me: { username: anybody.username } });
  });
});

describe("signed in without any permission", () => {
  it.each(["catalog", "stores", "tokens", "signingKeys"])("%s answers", async (field) => {
    const answer = await call(CALLS[`Query.${field}`] ?? "", anybody);
    expect(answer.errors).toBeUndefined();
    expect(answer.data?.[field]).toBeDefined();
  });

  it("the catalog says that nothing is readable or writable", async () => {
    const answer = await ask(
      server.url,
      "{ catalog { groups { entities { readable writable } } } }",
      anybody,
    );
    expect(JSON.stringify(answer.data)).not.toContain("true");
  });

  it("a token can be made, which can do as little", async () => {
    const answer = await call(
      'mutation { createToken(input: { name: "t" }) { accessToken { permissions } } }',
      anybody,
    );
    expect(answer.data).toEqual({ createToken: { accessToken: { permissions: [] } } });
    const wants = 'mutation { createToken(input: { name: "t", permissions: [READ_ACLS] }) { token } }';
    expect(missingOf(await call(wants, anybody))).toEqual(["READ_ACLS"]);
  });
});

describe("the audit log", () => {
  it("takes READ_AUDIT_LOGS and no more", async () => {
    const query = CALLS["Query.auditLog"] ?? "";
    const refused = await call(query, await server.accountWith(...without("READ_AUDIT_LOGS")));
    expect([codeOf(refused), missingOf(refused)]).toEqual(["FORBIDDEN", ["READ_AUDIT_LOGS"]]);
    expect((await call(query, await server.accountWith("READ_AUDIT_LOGS"))).errors).toBeUndefined();
  });
});

describe("managing backups", () => {
  const names = [
    ...["Query.schedules", "Mutation.createSchedule", "Mutation.updateSchedule", "Mutation.deleteSchedule"],
    ...["Mutation.triggerSchedule", "Mutation.pruneBackups", "Mutation.pinBackup", "Mutation.deleteBackup"],
    ...["Mutation.rekeyBackup", "Mutation.scanStores", "Query.notifyTargets", "Query.delivery"],
    ...["Mutation.trustSigningKey", "Mutation.distrustSigningKey"],
    ...["Query.deliveries", "Mutation.redeliver", "Mutation.sendTestNotice"],
  ];

  it.each(names)("%s takes MANAGE_BACKUPS", async (name) => {
    const query = CALLS[name] ?? "";
    const refused = await call(query, await server.accountWith(...without("MANAGE_BACKUPS")));
    expect([codeOf(refused), missingOf(refused)]).toEqual(["FORBIDDEN", ["MANAGE_BACKUPS"]]);
    expect(codeOf(await call(query, await server.accountWith(...ALL)))).not.toBe("FORBIDDEN");
  });

  it("alone is not enough to schedule what one may not read", async () => {
    const input = '{ name: "users", cron: "0 2 * * *", entities: [USERS] }';
    const query = `mutation { createSchedule(input: ${input}) { id } }`;
    const refused = await call(query, await server.accountWith("MANAGE_BACKUPS"));
    expect([codeOf(refused), missingOf(refused)]).toEqual(["FORBIDDEN", ["READ_ACLS"]]);
    const granted = await call(query, await server.accountWith("MANAGE_BACKUPS", "READ_ACLS"));
    expect(granted.errors).toBeUndefined();
  });
});

const entities = [...platformCatalog.entities.values()];

describe("startBackup", () => {
  const start = (input: string, account: Account) =>
    call(`mutation { startBackup(input: ${input}) { entities } }`, account);

  it.each(entities)("of $name takes $readPermissions and no more", async ({ name, readPermissions }) => {
    const input = `{ entities: [${name}] }`;
    const granted = await start(input, await server.accountWith(...readPermissions));
    expect(granted).toMatchObject({ data: { startBackup: { entities: [name] } } });
    for (const permission of readPermissions) {
      const refused = await start(input, await server.accountWith(...without(permission)));
      expect([codeOf(refused), missingOf(refused)]).toEqual(["FORBIDDEN", [permission]]);
    }
  });

  it.each([
    ["AUTH", ["READ_ACLS"]],
    ["CONFIG", ["READ_PIPELINES", "READ_TRANSFORMERS", "READ_ALERTS"]],
    ["LOGS", ["READ_STREAMS"]],
  ])("of the group %s takes %s, all of them", async (group, permissions) => {
    const input = `{ groups: [${group}] }`;
    expect((await start(input, await server.accountWith(...permissions))).errors).toBeUndefined();
    for (const permission of permissions) {
      expect(missingOf(await start(input, await server.accountWith(...without(permission))))).toEqual([
        permission,
      ]);
    }
  });

  it("of everything names every permission that is missing, and starts nothing", async () => {
    const account = await server.accountWith("READ_ACLS", "READ_ALERTS", "READ_STREAMS");
    const refused = await start("{}", account);
    expect(missingOf(refused)).toEqual([
      ...["READ_PIPELINES", "READ_TRANSFORMERS", "READ_TEMPLATES", "READ_SPACES", "READ_VARIABLES"],
    ]);
    expect(
      await server.world.ledger.sql`select from holdfast.runs where requested_by = ${account.username}`,
    ).toHaveLength(0);
  });

  it("of an opt-in entity that is included takes its permission too", async () => {
    const account = await server.accountWith("READ_ACLS");
    expect(missingOf(await start("{ entities: [USERS], include: [AUDIT_LOGS] }", account))).toEqual([
      "READ_AUDIT_LOGS",
    ]);
  });
});

describe("startRestore", () => {
  const start = (input: string, account: Account) =>
    call(`mutation { startRestore(input: ${input}) { entities } }`, account);

  it.each(entities)("of $name takes $writePermissions and no more", async ({ name, writePermissions }) => {
    const id = await finishedBackup(server.world.ledger, ["USERS", name].slice(name === "USERS" ? 1 : 0));
    const input = `{ backupId: "${id}", entities: [${name}] }`;
    const granted = await start(input, await server.accountWith(...writePermissions));
    expect(granted).toMatchObject({ data: { startRestore: { entities: [name] } } });
    for (const permission of writePermissions) {
      const refused = await start(input, await server.accountWith(...without(permission)));
      expect([codeOf(refused), missingOf(refused)]).toEqual(["FORBIDDEN", [permission]]);
    }
  });

  it("of all that a backup holds takes WRITE of all of it", async () => {
    const id = await finishedBackup(server.world.ledger, ["USERS", "PIPELINES"]);
    const input = `{ backupId: "${id}" }`;
    const writer = await server.accountWith("WRITE_ACLS", "WRITE_PIPELINES");
    expect(await start(input, writer)).toMatchObject({
      data: { startRestore: { entities: ["USERS", "PIPELINES"] } },
    });
    const reader = await server.accountWith("READ_ACLS", "READ_PIPELINES", "WRITE_ACLS");
    expect(missingOf(await start(input, reader))).toEqual(["WRITE_PIPELINES"]);
  });

  it("of a preview takes WRITE as well", async () => {
    const id = await finishedBackup(server.world.ledger, ["USERS"]);
    const refused = await start(`{ backupId: "${id}", dryRun: true }`, await server.accountWith("READ_ACLS"));
    expect(missingOf(refused)).toEqual(["WRITE_ACLS"]);
  });

  it("of all that a backup holds does not tell those who may neither see nor restore it that it is there", async () => {
    const id = await finishedBackup(server.world.ledger, ["USERS", "PIPELINES"]);
    const stranger = await server.accountWith("READ_ACLS", "WRITE_ACLS");
    expect(codeOf(await start(`{ backupId: "${id}" }`, stranger))).toBe("NOT_FOUND");
  });
});

describe("a run", () => {
  const both = ["READ_ACLS", "READ_PIPELINES"];
  let backupId: string;
  let restoreId: string;
  beforeAll(async () => {
    const { ledger } = server.world;
    backupId = await queuedBackup(ledger, ["USERS", "PIPELINES"]);
    restoreId = await queuedRestore(ledger, backupId, ["USERS", "PIPELINES"]);
  });
  const ids = "{ edges { node { id } } totalCount }";

  it("is seen by those who may read every entity in it", async () => {
    const account = await server.accountWith(...both);
    const one = `{ backup(id: "${backupId}") { id } restore(id: "${restoreId}") { id } }`;
    expect((await call(one, account)).data).toEqual({ backup: { id: backupId }, restore: { id: restoreId } });
    const all = JSON.stringify(await call(`{ backups ${ids} restores ${ids} }`, account));
    expect(all).toContain(backupId);
    expect(all).toContain(restoreId);
  });

  it.each(both)("is not there for those who lack %s alone", async (permission) => {
    const account = await server.accountWith(...without(permission));
    const one = `{ backup(id: "${backupId}") { id } restore(id: "${restoreId}") { id } }`;
    expect(await call(one, account)).toMatchObject({ data: { backup: null, restore: null } });
    const all = await call(`{ backups(first: 100) ${ids} restores(first: 100) ${ids} }`, account);
    expect(JSON.stringify(all)).not.toContain(backupId);
    expect(JSON.stringify(all)).not.toContain(restoreId);
    for (const [field, id] of [
      ["backupProgress", backupId],
      ["restoreProgress", restoreId],
    ]) {
      expect(codeOf(await call(`subscription { ${field}(id: "${id}") { id } }`, account))).toBe("NOT_FOUND");
    }
  });

  it("is neither listed nor counted for those who may read nothing", async () => {
    expect((await call(`{ backups ${ids} restores ${ids} }`, anybody)).data).toEqual({
      backups: { edges: [], totalCount: 0 },
      restores: { edges: [], totalCount: 0 },
    });
  });

  it("shows a restore's backup only as far as the caller may read it", async () => {
    const { ledger } = server.world;
    const whole = await finishedBackup(ledger, ["USERS", "PIPELINES"], { label: "whole" });
    const id = await queuedRestore(ledger, whole, ["USERS"]);
    const query = `{ restore(id: "${id}") { backup { id label entities rows sizeBytes contents { table } } } }`;
    expect((await call(query, await server.accountWith("READ_ACLS"))).data).toEqual({
      restore: {
        backup: { id: whole, label: null, entities: ["USERS"], rows: null, sizeBytes: null, contents: [] },
      },
    });
    expect((await call(query, await server.accountWith(...both))).data).toMatchObject({
      restore: { backup: { label: "whole", entities: ["USERS", "PIPELINES"], rows: 20 } },
    });
  });
});

describe("cancelRun", () => {
  const cancel = (id: string, account: Account) =>
    call(`mutation { cancelRun(id: "${id}") { status } }`, account);

  it("of a backup takes READ of every entity in it", async () => {
    const id = await queuedBackup(server.world.ledger, ["USERS", "ALERTS"]);
    expect(codeOf(await cancel(id, await server.accountWith(...without("READ_ALERTS"))))).toBe("NOT_FOUND");
    const answer = await cancel(id, await server.accountWith("READ_ACLS", "READ_ALERTS"));
    expect(answer.data).toEqual({ cancelRun: { status: "CANCELLED" } });
  });

  it("of a restore takes WRITE of every entity in it", async () => {
    const { ledger } = server.world;
    const id = await queuedRestore(ledger, await queuedBackup(ledger, ["USERS"]), ["USERS"]);
    expect(codeOf(await cancel(id, anybody))).toBe("NOT_FOUND");
    const refused = await cancel(id, await server.accountWith("READ_ACLS"));
    expect([codeOf(refused), missingOf(refused)]).toEqual(["FORBIDDEN", ["WRITE_ACLS"]]);
    const answer = await cancel(id, await server.accountWith("WRITE_ACLS"));
    expect(answer.data).toEqual({ cancelRun: { status: "CANCELLED" } });
  });

  it("is for its requester always", async () => {
    const id = await queuedBackup(server.world.ledger, ["USERS"], { requestedById: anybody.userId });
    expect((await cancel(id, anybody)).data).toEqual({ cancelRun: { status: "CANCELLED" } });
  });
});

describe("a personal access token", () => {
  it("can do less than its owner, and nothing once it is revoked", async () => {
    const owner = await server.accountWith("READ_ACLS", "READ_ALERTS");
    const made = await ask<{ createToken: { token: string; accessToken: { id: string } } }>(
      server.url,
      'mutation { createToken(input: { name: "ci", permissions: [READ_ALERTS] }) { token accessToken { id } } }',
      owner,
    );
    const token = { ...owner, authorization: `Bearer pat:${made.data?.createToken.token}` };
    const start = (entity: string) => `mutation { startBackup(input: { entities: [${entity}] }) { id } }`;
    expect((await call(start("ALERTS"), token)).errors).toBeUndefined();
    expect(missingOf(await call(start("USERS"), token))).toEqual(["READ_ACLS"]);

    const revoke = `mutation { revokeToken(id: "${made.data?.createToken.accessToken.id}") }`;
    expect((await call(revoke, owner)).data).toEqual({ revokeToken: true });
    const after = await ask(server.url, start("ALERTS"), token);
    expect([after.status, codeOf(after)]).toEqual([401, "UNAUTHENTICATED"]);
  });
});
