// A whole server with a configuration file: what the file names is backed up and restored over the API.
import { readdir } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Stack } from "../../src/runtime/stack.ts";
import { ask } from "../http/server-fixture.ts";
import { execute as executeAs, signIn, startConfiguredStack } from "./configured-stack.ts";
import { createConfiguredWorld, hashesOf, type ConfiguredWorld } from "./configured-world.ts";

let world: ConfiguredWorld;
let stack: Stack;
let admin: string;

beforeAll(async () => {
  world = await createConfiguredWorld();
  stack = await startConfiguredStack(world);
  admin = await signIn(stack, "admin");
});

afterAll(async () => {
  await stack?.close();
  await world?.[Symbol.asyncDispose]();
});

const execute = <T>(query: string, variables: object = {}, authorization = admin): Promise<T> =>
  executeAs<T>(stack, authorization, query, variables);
interface Run {
  readonly id: string;
}
const ended = async (kind: "backup" | "restore", { id }: Run): Promise<void> => {
  const query = `query ($id: ID!) { ${kind}(id: $id) { status error { code message } } }`;
  const state = async () => (await execute<Record<string, object>>(query, { id }))[kind];
  await expect.poll(state, { timeout: 30_000 }).toMatchObject({ status: "SUCCEEDED", error: null });
};
const backUp = async (input: object): Promise<Run> => {
  const { startBackup } = await execute<{ startBackup: Run }>(
    `mutation ($input: StartBackupInput!) { startBackup(input: $input) { id } }`,
    { input },
  );
  await ended("backup", startBackup);
  return startBackup;
};
const restore = async (input: object): Promise<void> => {
  const { startRestore } = await execute<{ startRestore: Run }>(
    `mutation ($input: StartRestoreInput!) { startRestore(input: $input) { id } }`,
    { input },
  );
  await ended("restore", startRestore);
};
const damage = async (): Promise<void> => {
  await world.app`DELETE FROM shop."Order.Lines" WHERE id > 40`;
  await world.app`UPDATE customers SET name = 'nobody' WHERE id < 9`;
  await world.logs`DELETE FROM events WHERE what LIKE '%7'`;
};

describe("a server with a configuration file", () => {
  it("tells metrics on the port that the file opens, on the loopback address, without a token", async () => {
    const own = new URL(stack.metricsUrl ?? "");
    expect([own.hostname, own.pathname]).toEqual(["127.0.0.1", "/metrics"]);
    const answer = await fetch(own);
    expect([answer.status, await answer.text()]).toEqual([
      200,
      expect.stringContaining("# TYPE holdfast_runs_total counter"),
    ]);
    expect((await fetch(`${stack.url}/metrics`)).status).toBe(401);
    expect((await fetch(`${stack.url}/metrics`, { headers: { authorization: admin } })).status).toBe(200);
  });
  it("has the file's entities, groups and permissions beside Holdfast's own", async () => {
    const { catalog } = await execute<{ catalog: { groups: unknown[] } }>(
      `{ catalog { groups { name entities { name optIn tables readable writable dependsOn } } } }`,
    );
    const mine = { readable: true, writable: true };
    expect(catalog.groups).toEqual([
      {
        name: "PEOPLE",
        entities: [
          { name: "CUSTOMERS", optIn: false, tables: ["public.customers"], dependsOn: [], ...mine },
          {
            name: "ORDER_LINES",
            optIn: false,
            tables: ["shop.Order.Lines"],
            dependsOn: ["CUSTOMERS"],
            ...mine,
          },
        ],
      },
      {
        name: "LOGS",
        entities: [{ name: "EVENTS", optIn: true, tables: ["public.events"], dependsOn: [], ...mine }],
      },
      expect.objectContaining({ name: "AUTH" }),
      expect.objectContaining({ name: "AUDIT" }),
    ]);
    const { types } = await execute<{ types: { enumValues: { name: string }[] } }>(
      `{ types: __type(name: "Permission") { enumValues { name } } }`,
    );
    const names = types.enumValues.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["READ_PEOPLE", "WRITE_ORDER_LINES", "READ_ACLS"]));
    expect(names).not.toContain("READ_TEMPLATES");
  });

  it("backs up and restores entities of two databases, in the stores that the file declares", async () => {
    const before = await hashesOf(world);
    const { id: backupId } = await backUp({ groups: ["PEOPLE", "LOGS"] });
    const { backup } = await execute<{ backup: { stores: string[] } }>(
      `query ($id: ID!) { backup(id: $id) { stores } }`,
      { id: backupId },
    );
    expect(backup.stores).toEqual(["near"]);
    expect(await readdir(world.directory)).toContain("near");
    await damage();
    expect(await hashesOf(world)).not.toEqual(before);
    await restore({ backupId });
    expect(await hashesOf(world)).toEqual(before);
  });

  it("backs itself up as well", async () => {
    const { id } = await backUp({ include: ["AUDIT_LOGS", "CONFIG_VALUES"] });
    const { backup } = await execute<{ backup: { entities: string[] } }>(
      `query ($id: ID!) { backup(id: $id) { entities } }`,
      { id },
    );
    expect(backup.entities).toEqual([
      ...["CUSTOMERS", "ORDER_LINES", "USERS", "ROLES", "GROUPS", "TOKENS", "CONFIG_VALUES", "AUDIT_LOGS"],
    ]);
  });

  it("sends and takes the file's groups over REST", async () => {
    const before = await hashesOf(world);
    const headers = { authorization: admin };
    const sent = await fetch(`${stack.url}/api/v1/backup/people`, { headers });
    expect(sent.headers.get("content-disposition")).toContain("people.db");
    const body = new FormData();
    body.set("backup", await sent.blob(), "people.db");
    await damage();
    const taken = await fetch(`${stack.url}/api/v1/restore/people`, { method: "POST", headers, body });
    expect(await taken.json()).toMatchObject({ success: true });
    expect((await hashesOf(world)).slice(0, 2)).toEqual(before.slice(0, 2));
    const unknown = await fetch(`${stack.url}/api/v1/backup/workspace`, { headers });
    expect(await unknown.json()).toMatchObject({ error: { hint: /people, logs, auth, audit/ } });
  });

  it("asks for the permissions that the file names: of roles, and of tokens", async () => {
    const { token } = await execute<{ createToken: { token: string } }>(
      `mutation { createToken(input: { name: "t", permissions: [READ_PEOPLE] }) { token } }`,
    ).then(({ createToken }) => createToken);
    const start = (entities: string[]) =>
      ask(
        stack.url,
        `mutation ($entities: [Entity!]) { startBackup(input: { entities: $entities }) { id } }`,
        {
          variables: { entities },
          authorization: `Bearer ${token}`,
        },
      );
    expect((await start(["CUSTOMERS"])).errors).toBeUndefined();
    expect((await start(["CUSTOMERS", "ORDER_LINES"])).errors).toMatchObject([
      { extensions: { code: "FORBIDDEN", details: { missing: ["READ_ORDER_LINES"] } } },
    ]);
  });
});
