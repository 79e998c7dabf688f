// GraphQL over HTTP: what is refused before it runs, how errors look, and what the browser's page shows.
import { buildClientSchema, getIntrospectionQuery, type IntrospectionQuery } from "graphql";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  ALL,
  ask,
  codeOf,
  hintOf,
  startTestServer,
  type Account,
  type TestServer,
} from "./server-fixture.ts";

let server: TestServer;
let account: Account;
beforeAll(async () => {
  server = await startTestServer({
    catalogFacts: () => Promise.reject(new Error("the secret reason")),
  });
  account = await server.accountWith(...ALL);
});
afterAll(() => server[Symbol.asyncDispose]());

const post = (body: string, headers: Record<string, string>) =>
  fetch(`${server.url}/graphql`, { method: "POST", body, headers });

describe("a token that is not good", () => {
  it.each([
    ["malformed", "Bearer nonsense"],
    ["of another scheme", "Basic YWRtaW46YWRtaW4="],
    ["unknown", `Bearer pat:hf_${"a".repeat(43)}`],
    ["forged", "Bearer jwt:eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"],
  ])("(%s) is 401, whatever is asked for", async (_, authorization) => {
    const answer = await ask(server.url, "{ me { id } }", { authorization });
    expect([answer.status, codeOf(answer), answer.data]).toEqual([401, "UNAUTHENTICATED", undefined]);
    expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    expect(hintOf(answer)).toEqual(expect.any(String));
    expect(answer.errors?.[0]?.extensions).not.toHaveProperty("http");
  });

  it("is 401 in a subscription too", async () => {
    const response = await fetch(`${server.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "text/event-stream", authorization: "Bearer x" },
      body: JSON.stringify({ query: "subscription { runs { id } }" }),
    });
    expect(response.status).toBe(401);
    await response.body?.cancel();
  });
});

describe("errors", () => {
  it("of the catalogue say code and hint, at their place in the query", async () => {
    const answer = await ask(server.url, "{ first: backups(first: 0) { totalCount } }", account);
    expect([answer.status, answer.errors]).toEqual([
      200,
      [
        {
          message: "`first` is 0; a page has 1 to 100 entries.",
          path: ["first"],
          locations: [{ line: 1, column: 3 }],
          extensions: { code: "BAD_INPUT", hint: "Correct the named field and send the request again." },
        },
      ],
    ]);
  });

  it("that nobody expected are INTERNAL, with an id that the log has and nothing else", async () => {
    const answer = await ask(server.url, "{ catalog { groups { entities { estimatedRows } } } }", account);
    expect(JSON.stringify(answer)).not.toContain("secret reason");
    const [error] = answer.errors ?? [];
    expect(error?.extensions).toMatchObject({ code: "INTERNAL", details: { id: expect.any(String) } });
    const { id } = Object(error?.extensions?.["details"]);
    expect(error?.message).toContain(id);
    const entry = server.logged.find(({ errorId }) => errorId === id);
    expect(entry).toMatchObject({ err: { message: "the secret reason" } });
  });

  it("of GraphQL's own pass as they are", async () => {
    const unknown = await ask(server.url, "{ bakups { totalCount } }", account);
    expect(unknown.errors?.[0]?.message).toContain('Did you mean "backups"');
    expect(codeOf(unknown)).toBe("GRAPHQL_VALIDATION_FAILED");
    const wrong = await ask(server.url, "query ($first: Int) { backups(first: $first) { totalCount } }", {
      ...account,
      variables: { first: "many" },
    });
    expect(wrong.errors?.[0]?.message).toContain('"$first" got invalid value "many"');
  });

  it("of variables name what a DateTime and an Entity are", async () => {
    const token = "mutation ($input: CreateTokenInput!) { createToken(input: $input) { token } }";
    const when = await ask(server.url, token, {
      ...account,
      variables: { input: { name: "t", expiresAt: "soon" } },
    });
    expect(when.errors?.[0]?.message).toContain("RFC 3339");
    const start = "mutation ($input: StartBackupInput!) { startBackup(input: $input) { id } }";
    const what = await ask(server.url, start, { ...account, variables: { input: { entities: ["USER"] } } });
    expect(what.errors?.[0]?.message).toContain('Did you mean the enum value "USERS"');
  });
});

describe("limits", () => {
  const nested = `{ a: __type(name: "Query") ${"{ ofType ".repeat(20)}{ name }${" }".repeat(20)} }`;
  const page = "backups(first: 100) { edges { node { id status label rows contents { table rows } } } }";
  it.each([
    ["too deep", nested],
    ["too costly", `{ ${Array.from({ length: 10 }, (_, index) => `p${index}: ${page}`).join(" ")} }`],
    ["full of aliases", `{ ${Array.from({ length: 40 }, (_, index) => `a${index}: me { id }`).join(" ")} }`],
    ["too long", `{ ${"me { id } ".repeat(1000)} }`],
  ])("a query that is %s is refused as QUERY_TOO_LARGE", async (_, query) => {
    const answer = await ask(server.url, query, account);
    expect([answer.status, codeOf(answer)]).toEqual([400, "QUERY_TOO_LARGE"]);
    expect(answer.errors?.[0]?.message).toMatch(/limit/i);
  });

  it("fragments make a query no deeper and no costlier than what they stand for", async () => {
    const chain = Array.from(
      { length: 20 },
      (_, index) => `fragment F${index} on Query { ...F${index + 1} }`,
    );
    const query = `{ ...F0 } ${chain.join(" ")} fragment F20 on Query { me { id } }`;
    const answer = await ask(server.url, query, account);
    expect([answer.status, answer.errors]).toEqual([200, undefined]);
  });

  it("a full page of everything is within them", async () => {
    const query = `{ backups(first: 100) { totalCount pageInfo { hasNextPage endCursor } edges { cursor node {
      id status requestedBy createdAt startedAt finishedAt durationMs label entities encryption stores sizeBytes rawBytes
      rows pinned downloadUrl error { code message hint } contents { entity table rows rawBytes }
      progress { phase entity rows rowsTotal bytes bytesTotal percent rowsPerSecond etaSeconds } } } } }`;
    expect((await ask(server.url, query, account)).errors).toBeUndefined();
  });

  it("introspection is open, also to those who are not signed in", async () => {
    const answer = await ask<IntrospectionQuery>(server.url, getIntrospectionQuery());
    const schema = buildClientSchema(answer.data ?? expect.fail(JSON.stringify(answer.errors)));
    expect(schema.getDirective("requiresEntities")?.args.map(({ name }) => name)).toEqual(["access"]);
  });

  it("a body of more than a megabyte is refused", async () => {
    const response = await post(JSON.stringify({ query: "{ me { id } }", extra: "x".repeat(1_100_000) }), {
      "content-type": "application/json",
    });
    expect(response.status).toBe(413);
    await response.body?.cancel();
  });
});

describe("what another site's page could make a browser send", () => {
  const login = 'mutation { login(username: "a", password: "b") { token } }';
  it.each([
    ["a form", "application/x-www-form-urlencoded", new URLSearchParams({ query: login }).toString()],
    ["plain text", "text/plain", JSON.stringify({ query: login })],
  ])("is refused: %s", async (_, type, body) => {
    const response = await post(body, { "content-type": type });
    expect(response.status).toBe(415);
    expect(await response.json()).toMatchObject({
      errors: [{ extensions: { code: "NOT_JSON", hint: expect.stringContaining("application/json") } }],
    });
  });

  it("is refused: an upload, for a page cannot send a token along", async () => {
    const body = `--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n{"query":"{ __typename }"}\r\n--x--`;
    const response = await post(body, { "content-type": "multipart/form-data; boundary=x" });
    expect(response.status).toBe(401);
    expect(await response.text()).toContain("UNAUTHENTICATED");
  });

  it("is refused: a query in the address", async () => {
    const response = await fetch(`${server.url}/graphql?query=%7B__typename%7D`);
    expect(response.status).toBe(415);
    await response.body?.cancel();
  });

  it("is told from a script: JSON needs no further header, nor does an address with a token", async () => {
    expect((await ask(server.url, "{ __typename }")).data).toEqual({ __typename: "Query" });
    const { authorization } = account;
    const response = await fetch(`${server.url}/graphql?query=%7B__typename%7D`, {
      headers: { authorization },
    });
    expect(await response.json()).toEqual({ data: { __typename: "Query" } });
  });

  it("is not answered with leave for that site to read", async () => {
    const answer = await ask(server.url, "{ __typename }", {
      headers: { origin: "https://elsewhere.example" },
    });
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
  });

  it("is refused: a mutation by GET", async () => {
    const { authorization } = account;
    const query = encodeURIComponent("mutation { startBackup(input: {}) { id } }");
    const response = await fetch(`${server.url}/graphql?query=${query}`, { headers: { authorization } });
    expect(response.status).toBe(405);
    await response.body?.cancel();
  });
});

describe("GraphiQL", () => {
  const page = () => fetch(`${server.url}/graphql`, { headers: { accept: "text/html" } });

  it("opens in a browser with the worked examples in order, and loads nothing from elsewhere", async () => {
    const response = await page();
    expect(response.headers.get("content-type")).toContain("text/html");
    const policy = response.headers.get("content-security-policy");
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain("http");
    const html = await response.text();
    const places = ["login(", "catalog {", "startBackup(", "backupProgress(", "dryRun", "expectPlan"].map(
      (text) => html.lastIndexOf(text),
    );
    expect(places).not.toContain(-1);
    expect(html).not.toMatch(/<script[^>]+src=/);
  });
});
