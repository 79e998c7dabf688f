// The server itself: where it listens, its health, its headers, and how it ends.
import { once } from "node:events";
import { connect } from "node:net";
import { createClient } from "graphql-ws";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { createServer } from "../../src/http/server.ts";
import { queuedBackup } from "./runs-driver.ts";
import { ALL, ask, startTestServer } from "./server-fixture.ts";
import { next, subscribe } from "./subscribe.ts";

describe("health", () => {
  it("/healthz answers while the process does; /readyz only while all that it needs does", async () => {
    let fails = false;
    await using server = await startTestServer({
      readiness: {
        database: async () => undefined,
        "store local": async () => {
          if (fails) throw new Error("no space, and a secret path");
        },
      },
    });
    const get = async (path: string) => {
      const response = await fetch(server.url + path);
      return [response.status, await response.json()];
    };
    expect(await get("/healthz")).toEqual([200, { status: "ok" }]);
    const checks = { database: "ok", "store local": "ok" };
    expect(await get("/readyz")).toEqual([200, { status: "ready", checks }]);
    fails = true;
    expect(await get("/readyz")).toEqual([
      503,
      { status: "not ready", checks: { ...checks, "store local": "failed" } },
    ]);
    expect(await get("/healthz")).toEqual([200, { status: "ok" }]);
    expect(server.logged).toContainEqual(expect.objectContaining({ check: "store local" }));
  });
});

describe("a store that is down", () => {
  it("is told of, and makes the server unready only where no default store is left", async () => {
    const down = new Set<string>();
    const store = (name: string, isDefault: boolean) => ({
      ...{ name, isDefault },
      async check() {
        if (down.has(name)) throw new Error("down");
      },
    });
    await using server = await startTestServer({
      readiness: { database: async () => undefined },
      storeReadiness: [store("near", true), store("far", true), store("archive", false)],
    });
    const ready = async (...names: string[]) => {
      down.clear();
      for (const name of names) down.add(name);
      const answer = await fetch(`${server.url}/readyz`);
      const { checks } = await answer.json();
      return [answer.status, Object.keys(checks).filter((name) => checks[name] === "failed")];
    };
    expect(await ready()).toEqual([200, []]);
    expect(await ready("archive")).toEqual([200, ["store archive"]]);
    expect(await ready("near", "archive")).toEqual([200, ["store near", "store archive"]]);
    expect(await ready("near", "far")).toEqual([503, ["store near", "store far"]]);
  });
});

describe("every answer", () => {
  it("tells browsers not to guess, frame, or load anything", async () => {
    await using server = await startTestServer();
    for (const path of ["/healthz", "/api/v1/auth/whoami", "/nothing"]) {
      const { headers } = await fetch(server.url + path);
      expect(Object.fromEntries(headers)).toMatchObject({
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "content-security-policy": expect.stringContaining("default-src 'none'"),
      });
    }
  });
});

describe("an address that is taken", () => {
  it("is an error of createServer", async () => {
    await using server = await startTestServer();
    const port = Number(new URL(server.url).port);
    await expect(createServer(server.deps, { host: "127.0.0.1", port })).rejects.toMatchObject({
      code: "ADDRESS_UNAVAILABLE",
    });
  });
});

describe("WebSockets", () => {
  const open = (url: string, headers: Record<string, string> = {}) =>
    new WebSocket(url.replace("http", "ws"), "graphql-transport-ws", { headers });

  it("take a token from connectionParams in either spelling, or from the upgrade's header", async () => {
    await using server = await startTestServer();
    const { authorization, username } = await server.accountWith();
    const whoIs = async (options: object) => {
      const url = `${server.url.replace("http", "ws")}/graphql`;
      const client = createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0, ...options });
      const answers = client.iterate<{ me: { username: string } | null }>({ query: "{ me { username } }" });
      const { value } = await answers.next();
      await client.dispose();
      return value?.data?.me?.username;
    };
    expect(await whoIs({ connectionParams: { authorization } })).toBe(username);
    expect(await whoIs({ connectionParams: { Authorization: authorization } })).toBe(username);
    class WithHeader extends WebSocket {
      constructor(url: string, protocols: string) {
        super(url, protocols, { headers: { authorization } });
      }
    }
    expect(await whoIs({ webSocketImpl: WithHeader })).toBe(username);
    expect(await whoIs({})).toBeUndefined();
  });

  it("with a token that is not good are closed as 4401, which clients do not try again", async () => {
    await using server = await startTestServer();
    const socket = open(`${server.url}/graphql`);
    await once(socket, "open");
    socket.send(JSON.stringify({ type: "connection_init", payload: { authorization: "Bearer nonsense" } }));
    const [code, reason] = await once(socket, "close");
    expect([code, String(reason)]).toEqual([4401, "The Authorization header is malformed."]);
  });

  it("elsewhere are refused with 404", async () => {
    await using server = await startTestServer();
    const socket = open(`${server.url}/elsewhere`);
    await expect(once(socket, "open")).rejects.toThrow("404");
  });
});

describe("close", () => {
  it.each(["server-sent events", "WebSockets"] as const)(
    "ends a subscription over %s as a lost connection, not as its end, so that clients come again",
    async (transport) => {
      await using server = await startTestServer();
      const account = await server.accountWith(...ALL);
      const id = await queuedBackup(server.world.ledger, ["USERS"]);
      const answers = subscribe(transport, server.url, {
        query: `subscription { backupProgress(id: "${id}") { status } }`,
        authorization: account.authorization,
      });
      await next(answers);
      const rest = answers.next();
      // Well before the grace of other requests is over.
      const closed = server.running.close({ graceMs: 600_000 });
      const [outcome] = await Promise.allSettled([rest, closed]);
      expect(outcome.status).toBe("rejected");
    },
  );

  it("lets a request that is being answered finish, and takes no other", async () => {
    const reached = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    await using server = await startTestServer({
      async catalogFacts() {
        reached.resolve();
        await go.promise;
        return new Map();
      },
    });
    const account = await server.accountWith(...ALL);
    const slow = ask(server.url, "{ catalog { groups { entities { dependsOn } } } }", account);
    await reached.promise;
    const closed = server.running.close();
    await expect.poll(() => fetch(`${server.url}/healthz`).catch(() => "refused")).toBe("refused");
    go.resolve();
    expect((await slow).errors).toBeUndefined();
    await closed;
  });

  it("waits for nobody who only keeps a connection open", async () => {
    await using server = await startTestServer();
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    await once(socket, "connect");
    socket.on("error", () => undefined);
    await server.running.close({ graceMs: 50 });
    await expect.poll(() => socket.destroyed).toBe(true);
  });
});
