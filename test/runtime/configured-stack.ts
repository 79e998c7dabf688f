// A whole server for the application of a configured world, and requests of its accounts.
import path from "node:path";
import { expect } from "vitest";
import { readEnvironment } from "../../src/config/environment.ts";
import { startStack, type Stack } from "../../src/runtime/stack.ts";
import { ask } from "../http/server-fixture.ts";
import type { ConfiguredWorld } from "./configured-world.ts";

/** Of every account of such a server. */
const PASSWORD = "correct horse";

/** The caller closes it. @param ways other ways to the world's databases */
export function startConfiguredStack(
  world: ConfiguredWorld,
  ways: { readonly appUrl?: string; readonly ownUrl?: string } = {},
): Promise<Stack> {
  process.env["APP_DATABASE_URL"] = ways.appUrl ?? world.appUrl;
  process.env["LOGS_DATABASE_URL"] = world.logsUrl;
  const environment = readEnvironment({
    HOLDFAST_CONFIG: world.configFile,
    HOLDFAST_DATA_DIR: path.join(world.directory, "data"),
    HOLDFAST_DATABASE_URL: ways.ownUrl ?? world.ownUrl,
    HOLDFAST_ADMIN_PASSWORD: PASSWORD,
    PORT: "0",
  });
  return startStack(environment, {});
}

/** A new session. @returns its `Authorization` */
export async function signIn({ url }: Stack, username: string): Promise<string> {
  const answer = await fetch(`${url}/api/v1/auth/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ username, password: PASSWORD }),
  });
  const { token } = await answer.json();
  return `Bearer jwt:${token}`;
}

/** The data of an operation that must have no errors. */
export async function execute<T>(
  { url }: Stack,
  authorization: string,
  query: string,
  variables: object = {},
): Promise<T> {
  const { data, errors } = await ask<T>(url, query, { variables, authorization });
  expect(errors).toBeUndefined();
  if (data === null || data === undefined) throw new Error("there is no data");
  return data;
}

/** Starts a backup of one entity. @returns what looks how it is: status, attempt, error */
export async function startBackup(
  stack: Stack,
  authorization: string,
  entity: string,
): Promise<() => Promise<object>> {
  const { startBackup: run } = await execute<{ startBackup: { id: string } }>(
    stack,
    authorization,
    "mutation ($entity: Entity!) { startBackup(input: { entities: [$entity] }) { id } }",
    { entity },
  );
  const query = "query ($id: ID!) { backup(id: $id) { status attempt error { code } } }";
  return async () => (await execute<{ backup: object }>(stack, authorization, query, run)).backup;
}
