// Every request has an id: its answer says it, and so do the log's lines, the errors and the runs that come of it.
import { once } from "node:events";
import { createClient } from "graphql-ws";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { findRun } from "../../src/ledger/runs.ts";
import { openAttempt } from "../../workers/attempt.ts";
import { claimRun } from "../../src/ledger/attempts.ts";
import { ALL, ask, startTestServer, type Account, type TestServer } from "./server-fixture.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const START = "mutation { startBackup(input: { entities: [USERS] }) { id } }";

let server: TestServer;
let account: Account;
beforeAll(async () => {
  server = await startTestServer({
    databaseUrl: () => "postgres://nobody@127.0.0.1:1/nothing",
    catalogFacts: async () => {
      throw new Error("no facts, and postgres://me:hunter2@db");
    },
  });
  account = await server.accountWith(...ALL);
});
afterAll(() => server[Symbol.asyncDispose]());

const get = async (path: string, headers: Record<string, string> = {}) => {
  const response = await fetch(server.url + path, { headers });
  return { id: response.headers.get("x-request-id"), status: response.status, text: await response.text() };
};
const linesOf = (requestId: unknown) => server.logged.filter((line) => line["requestId"] === requestId);

describe("a request's id", () => {
  it("is the client's, where that is sane, and made here otherwise; every answer says it", async () => {
    for (const given of ["abc", "0af7651916cd43dd8448eb211c80319c", "a:b/c.d=e+f@g_h-i", "x".repeat(128)])
      expect((await get("/healthz", { "X-Request-Id": given })).id).toBe(given);
    for (const given of ["", "x".repeat(129), 'a"b', "a b", "{}", "<a>"])
      expect((await get("/healthz", { "X-Request-Id": given })).id).toMatch(UUID);
    for (const path of ["/readyz", "/nothing/at/all", "/api/v1/auth/whoami", "/metrics", "/graphql"])
      expect((await get(path)).id).toMatch(UUID);
    expect((await get("/healthz")).id).not.toBe((await get("/healthz")).id);
  });

  it("is in the log's line of the request, which repeats nothing that stands behind the question mark", async () => {
    const { id } = await get(`/api/v1/backup/nothing?recipient=hunter2`, {
      authorization: account.authorization,
    });
    await expect
      .poll(() => linesOf(id))
      .toEqual([
        expect.objectContaining({
          ...{ msg: "request answered", method: "GET", path: "/api/v1/backup/nothing", status: 404 },
          durationMs: expect.any(Number),
        }),
      ]);
  });

  it("is in errors of REST and of GraphQL that are our own, and in what the log says of them", async () => {
    const { authorization } = account;
    // What is the client's own fault has it in the header alone.
    const refused = await get("/api/v1/auth/whoami", { "X-Request-Id": "rest-1" });
    expect([refused.id, refused.text.includes("rest-1")]).toEqual(["rest-1", false]);
    const lost = await get("/api/v1/backup/auth", { authorization, "X-Request-Id": "rest-2" });
    expect(JSON.parse(lost.text)).toMatchObject({
      error: { code: "DATABASE_UNREACHABLE", requestId: "rest-2" },
    });
    const failed = await ask(server.url, "{ catalog { groups { entities { dependsOn } } } }", {
      ...{ authorization: account.authorization, headers: { "X-Request-Id": "graphql-1" } },
    });
    expect(failed.errors?.[0]?.extensions).toMatchObject({ code: "INTERNAL", requestId: "graphql-1" });
    await expect.poll(() => linesOf("graphql-1")).toHaveLength(2);
    const [line] = linesOf("graphql-1");
    expect(line).toMatchObject({ level: 50, err: { message: "no facts, and postgres://me:[redacted]@db" } });
  });

  it("goes with the run that it starts, into its row and what its worker logs", async () => {
    const { data, headers } = await ask<{ startBackup: { id: string } }>(server.url, START, {
      ...{ authorization: account.authorization, headers: { "X-Request-Id": "start-1" } },
    });
    expect(headers.get("x-request-id")).toBe("start-1");
    const runId = data?.startBackup.id ?? "";
    const { ledger } = server.world;
    expect((await findRun(ledger, runId))?.requestId).toBe("start-1");
    const claim = await claimRun(ledger, runId);
    if (claim.state !== "claimed") throw new Error(claim.state);
    const { deps } = server;
    const attempt = openAttempt(deps, claim, new AbortController().signal);
    attempt.log.info("copying");
    await attempt.close();
    expect(linesOf("start-1")).toContainEqual(
      expect.objectContaining({ runId, kind: "BACKUP", attempt: 1, msg: "copying" }),
    );
  });
});

describe("a WebSocket", () => {
  it("has the id of the request that opened it, with all that comes over it", async () => {
    const url = `${server.url.replace("http", "ws")}/graphql`;
    const socket = new WebSocket(url, "graphql-transport-ws", { headers: { "X-Request-Id": "ws-1" } });
    const [upgrade] = await once(socket, "upgrade");
    expect(upgrade.headers["x-request-id"]).toBe("ws-1");
    socket.terminate();

    class WithId extends WebSocket {
      constructor(address: string, protocols: string) {
        super(address, protocols, { headers: { "X-Request-Id": "ws-2" } });
      }
    }
    const connectionParams = { authorization: account.authorization };
    const client = createClient({ url, webSocketImpl: WithId, retryAttempts: 0, connectionParams });
    const started = await client.iterate<{ startBackup: { id: string } }>({ query: START }).next();
    const id = started.value?.data?.startBackup.id ?? "";
    expect((await findRun(server.world.ledger, id))?.requestId).toBe("ws-2");
    const wrong = await client.iterate({ query: "{ catalog { groups { entities { dependsOn } } } }" }).next();
    expect(wrong.value?.errors?.[0]?.extensions).toMatchObject({ code: "INTERNAL", requestId: "ws-2" });
    await client.dispose();
    expect(linesOf("ws-2")).toContainEqual(expect.objectContaining({ level: 50 }));
  });
});
