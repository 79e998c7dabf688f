// What an operator sets for a server that strangers reach: whose word on addresses is taken, who sees the schema, and how many
// subscriptions one account may have.
import { getIntrospectionQuery } from "graphql";
import { describe, expect, it } from "vitest";
import { trustProxies } from "../../src/http/peer.ts";
import { queuedBackup } from "./runs-driver.ts";
import { ALL, ask, codeOf, startTestServer } from "./server-fixture.ts";
import { collect, next, subscribe, TRANSPORTS } from "./subscribe.ts";

it.each([
  ["nobody is trusted", [], "10.0.0.1", "203.0.113.5", "10.0.0.1"],
  ["the connection is a stranger's", ["10.0.0.0/8"], "198.51.100.1", "203.0.113.5", "198.51.100.1"],
  ["a proxy says so", ["10.0.0.0/8"], "10.0.0.1", "203.0.113.5", "203.0.113.5"],
  ["the client has claimed another", ["10.0.0.1"], "10.0.0.1", "192.0.2.1, 203.0.113.5", "203.0.113.5"],
  [
    "proxies stand behind proxies",
    ["10.0.0.0/8", "fd00::/8"],
    "fd00::1",
    "203.0.113.5, 10.0.0.9",
    "203.0.113.5",
  ],
  ["a proxy comes as IPv6", ["10.0.0.0/8"], "::ffff:10.0.0.1", "203.0.113.5", "203.0.113.5"],
  ["a proxy says nothing", ["10.0.0.0/8"], "10.0.0.1", undefined, "10.0.0.1"],
  ["a proxy says nonsense", ["10.0.0.0/8"], "10.0.0.1", "203.0.113.5, unknown", "10.0.0.1"],
])("where %s, a request comes from the right address", (_, trusted, remote, forwarded, address) => {
  expect(trustProxies(trusted)(remote, forwarded)).toEqual({ address });
});

describe("the schema", () => {
  const query = getIntrospectionQuery();

  it("is shown to those who are signed in, if it is not for everyone", async () => {
    await using server = await startTestServer({}, { introspection: "signed-in" });
    expect(codeOf(await ask(server.url, query))).toBe("UNAUTHENTICATED");
    expect(codeOf(await ask(server.url, '{ x: __type(name: "Query") { name } }'))).toBe("UNAUTHENTICATED");
    expect((await ask(server.url, "{ __typename }")).data).toEqual({ __typename: "Query" });
    expect((await ask(server.url, query, await server.accountWith())).errors).toBeUndefined();
    const overWebSocket = await next(
      subscribe("WebSockets", server.url, { query: "{ __schema { description } }" }),
    );
    expect(codeOf(overWebSocket)).toBe("UNAUTHENTICATED");
    const INPUT = "($input: StartBackupInput!) { startBackup(input: $input) { id } }";
    const variables = { input: { entities: ["USRS"], labl: "x" } };
    const nearly: [string, object?][] = [
      ["{ bakups { totalCount } }"],
      ["{ backups(frst: 1) { totalCount } }"],
      ["mutation { startBackup(input: { entities: [USRS] }) { id } }"],
      ["mutation { startBackup(input: { entities: [USERS], labl: 1 }) { id } }"],
      ["fragment F on Bakup { id } { me { username } ...F }"],
      [`mutation ${INPUT}`, variables],
    ];
    for (const [document, given] of nearly) {
      const { errors } = await ask(server.url, document, given && { variables: given });
      expect(errors?.length).toBeGreaterThan(0);
      expect(JSON.stringify(errors)).not.toMatch(/Did you mean|USERS|label|Backup"\?|first/);
    }
    const coerced = subscribe("WebSockets", server.url, { query: `mutation ${INPUT}`, variables });
    expect(JSON.stringify(await collect(coerced))).toMatch(/^(?!.*Did you mean).*USRS/);
  });

  it("is shown to nobody, and no page asks for it, if an operator says so", async () => {
    await using server = await startTestServer({}, { introspection: "nobody" });
    expect(codeOf(await ask(server.url, query, await server.accountWith(...ALL)))).toBe("FORBIDDEN");
    const page = await fetch(`${server.url}/graphql`, { headers: { accept: "text/html" } });
    expect(await page.text()).not.toContain("GraphiQL");
  });
});

it("an account has so many subscriptions at the same time, over whatever transport, and others have theirs", async () => {
  await using server = await startTestServer({}, { maxSubscriptions: 2 });
  const [one, other] = [await server.accountWith(...ALL), await server.accountWith(...ALL)];
  const id = await queuedBackup(server.world.ledger, ["USERS"]);
  const query = `subscription { backupProgress(id: "${id}") { status } }`;
  const open = TRANSPORTS.map((transport) =>
    subscribe(transport, server.url, { query, authorization: one.authorization }),
  );
  for (const answers of open) expect((await next(answers)).errors).toBeUndefined();
  for (const transport of TRANSPORTS) {
    const refused = subscribe(transport, server.url, { query, authorization: one.authorization });
    expect(codeOf(await next(refused))).toBe("TOO_MANY_SUBSCRIPTIONS");
    await refused.return();
  }
  const others = subscribe("WebSockets", server.url, { query, authorization: other.authorization });
  expect((await next(others)).errors).toBeUndefined();
  await open[0]?.return();
  const again = async () => {
    const answers = subscribe("WebSockets", server.url, { query, authorization: one.authorization });
    const { errors } = await next(answers);
    await answers.return();
    return errors;
  };
  await expect.poll(again, { timeout: 30_000 }).toBeUndefined();
  for (const answers of [...open, others]) await answers.return();
});
