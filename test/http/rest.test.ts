// Signing in and personal access tokens over REST, as a script with curl would.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PASSWORD } from "../auth/world.ts";
import { startTestServer, type Account, type TestServer } from "./server-fixture.ts";

let server: TestServer;
let account: Account;
beforeAll(async () => {
  server = await startTestServer();
  account = await server.accountWith("READ_ACLS", "READ_ALERTS");
});
afterAll(() => server[Symbol.asyncDispose]());

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

async function call(
  method: string,
  path: string,
  options: { body?: unknown; authorization?: string } = {},
): Promise<Answer> {
  const { body, authorization } = options;
  const response = await fetch(`${server.url}/api/v1${path}`, {
    method,
    headers: {
      ...(authorization && { authorization }),
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

const textOf = ({ body }: Answer, field: string) => String(body[field]);

const failure = (code: string) => ({
  success: false,
  error: { code, message: expect.any(String), hint: expect.any(String) },
});

describe("POST /auth/login", () => {
  it("answers with a session token that works here and in GraphQL", async () => {
    const answer = await call("POST", "/auth/login", {
      body: { username: account.username, password: PASSWORD },
    });
    expect([answer.status, answer.body]).toEqual([
      200,
      { success: true, token: expect.any(String), expiresAt: expect.any(String) },
    ]);
    for (const authorization of [
      `Bearer jwt:${textOf(answer, "token")}`,
      `Bearer ${textOf(answer, "token")}`,
    ]) {
      expect((await call("GET", "/auth/whoami", { authorization })).status).toBe(200);
      const response = await fetch(`${server.url}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization },
        body: JSON.stringify({ query: "{ me { username } }" }),
      });
      expect(await response.json()).toEqual({ data: { me: { username: account.username } } });
    }
  });

  it.each([
    ["a wrong password", { username: "nobody", password: "x" }, 401, "BAD_CREDENTIALS"],
    ["a missing field", { username: "nobody" }, 400, "BAD_INPUT"],
    ["a field of another type", { username: 1, password: "x" }, 400, "BAD_INPUT"],
    ["what is no object", ["x"], 400, "BAD_INPUT"],
  ])("refuses %s", async (_, body, status, code) => {
    expect(await call("POST", "/auth/login", { body })).toMatchObject({ status, body: failure(code) });
  });

  it("names the field that is wrong", async () => {
    const { body } = await call("POST", "/auth/login", { body: { username: "nobody" } });
    expect(JSON.stringify(body)).toContain("password");
  });

  it("refuses what is no JSON, and what is too much of it", async () => {
    const post = (body: string, type: string) =>
      fetch(`${server.url}/api/v1/auth/login`, { method: "POST", body, headers: { "content-type": type } });
    for (const [body, type, status, code] of [
      ["username=a&password=b", "application/x-www-form-urlencoded", 415, "NOT_JSON"],
      ["{", "application/json", 400, "BAD_INPUT"],
      [JSON.stringify({ username: "x".repeat(70_000), password: "" }), "application/json", 413, "TOO_LARGE"],
    ] as const) {
      const response = await post(body, type);
      expect([response.status, await response.json()]).toEqual([status, failure(code)]);
    }
  });

  it("answers too many attempts with 429 and when to come back", async () => {
    const { username } = await server.accountWith();
    const attempt = () => call("POST", "/auth/login", { body: { username, password: "guess" } });
    let answer = await attempt();
    for (let count = 0; count < 20 && answer.status === 401; count += 1) answer = await attempt();
    expect([answer.status, answer.body]).toMatchObject([429, { error: { code: "TOO_MANY_ATTEMPTS" } }]);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  it("is what the documented curl and jq get a token with", async () => {
    const command = `curl -sf ${server.url}/api/v1/auth/login -H 'content-type: application/json' \
      -d '{"username":"${account.username}","password":"${PASSWORD}"}'`;
    const { stdout } = await promisify(execFile)("sh", ["-c", command]);
    expect(JSON.parse(stdout)).toMatchObject({ success: true, token: expect.stringMatching(/^ey/) });
  });
});

describe("GET /auth/whoami", () => {
  it("names the user, the roles and the permissions", async () => {
    const { body } = await call("GET", "/auth/whoami", account);
    expect(body).toEqual({
      success: true,
      user: { name: account.username, roles: [`r-${account.username}`] },
      permissions: ["READ_ACLS", "READ_ALERTS"],
    });
  });
});

describe("POST /auth/change-password", () => {
  it("changes it, ends other sessions, and refuses a wrong old one with 403", async () => {
    const own = await server.accountWith();
    const other = await server.world.session(own.username);
    const change = (old_password: string) =>
      call("POST", "/auth/change-password", {
        ...own,
        body: { old_password, new_password: "a much better one" },
      });
    expect(await change("not it")).toMatchObject({ status: 403, body: failure("WRONG_PASSWORD") });
    expect(await change(PASSWORD)).toMatchObject({ status: 200, body: { success: true } });
    expect((await call("GET", "/auth/whoami", { authorization: other })).status).toBe(401);
    expect((await call("GET", "/auth/whoami", own)).status).toBe(200);
  });
});

describe("/tokens", () => {
  it("makes, lists and deletes tokens; a deleted one is 401 at once", async () => {
    const made = await call("POST", "/tokens", {
      ...account,
      body: { name: "nightly", permissions: ["READ_ACLS"], expiresAt: "2126-11-22T00:00:00Z" },
    });
    expect([made.status, made.body]).toMatchObject([
      201,
      { success: true, token: expect.stringMatching(/^hf_/), id: expect.any(String), name: "nightly" },
    ]);
    const authorization = `Bearer pat:${textOf(made, "token")}`;
    expect((await call("GET", "/auth/whoami", { authorization })).body["permissions"]).toEqual(["READ_ACLS"]);

    const listed = await call("GET", "/tokens", account);
    expect(listed.body).toMatchObject({
      success: true,
      tokens: [
        {
          id: made.body["id"],
          name: "nightly",
          permissions: ["READ_ACLS"],
          expiresAt: "2126-11-22T00:00:00.000Z",
        },
      ],
    });
    expect(JSON.stringify(listed.body)).not.toContain(textOf(made, "token"));

    expect(await call("DELETE", `/tokens/${textOf(made, "id")}`, account)).toMatchObject({
      status: 200,
      body: { success: true },
    });
    expect((await call("GET", "/auth/whoami", { authorization })).status).toBe(401);
    expect((await call("DELETE", `/tokens/${textOf(made, "id")}`, account)).status).toBe(404);
  });

  it("never grants more than its maker has: 403 names what is missing", async () => {
    const body = { name: "t", permissions: ["READ_ACLS", "WRITE_ACLS"] };
    const answer = await call("POST", "/tokens", { ...account, body });
    expect(answer).toMatchObject({
      status: 403,
      body: { error: { code: "FORBIDDEN", details: { missing: ["WRITE_ACLS"] } } },
    });
    expect(JSON.stringify(answer.body)).toContain("WRITE_ACLS");
  });

  it("refuses a time that is none", async () => {
    const body = { name: "t", expiresAt: "soon" };
    expect(await call("POST", "/tokens", { ...account, body })).toMatchObject({
      status: 400,
      body: failure("BAD_INPUT"),
    });
  });
});

describe("every endpoint that needs a token", () => {
  const endpoints = [
    ["GET", "/auth/whoami"],
    ["POST", "/auth/change-password"],
    ["GET", "/tokens"],
    ["POST", "/tokens"],
    ["DELETE", "/tokens/00000000-0000-4000-8000-000000000000"],
  ] as const;

  it.each(endpoints)("%s %s answers no token and a bad one with 401", async (method, path) => {
    for (const authorization of [undefined, "Bearer pat:nonsense", `Bearer hf_${"x".repeat(43)}`]) {
      const answer = await call(method, path, authorization === undefined ? {} : { authorization });
      expect(answer).toMatchObject({ status: 401, body: failure("UNAUTHENTICATED") });
      expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    }
  });
});

describe("addresses", () => {
  it("that are not there answer 404 as JSON", async () => {
    expect(await call("GET", "/nothing")).toMatchObject({ status: 404, body: failure("NOT_FOUND") });
  });

  it("asked with another method answer 405 and which ones there are", async () => {
    const answer = await call("GET", "/auth/login");
    expect(answer).toMatchObject({ status: 405, body: failure("METHOD_NOT_ALLOWED") });
    expect(answer.headers.get("allow")).toBe("POST");
  });
});
