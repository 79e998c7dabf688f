// The client against real HTTP servers that answer as the API does, as something else does, or not at all.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { parse, validate } from "graphql";
import { describe, expect, it, onTestFinished } from "vitest";
import { buildSchema } from "../../schema/schema.ts";
import { createGraphqlClient, type GraphqlClient } from "../../src/cli/client/graphql-client.ts";
import * as artifacts from "../../src/cli/client/artifacts.ts";
import * as keeping from "../../src/cli/client/keeping.ts";
import * as listings from "../../src/cli/client/listings.ts";
import * as notices from "../../src/cli/client/notices.ts";
import * as operations from "../../src/cli/client/operations.ts";
import { followRun, watchRun } from "../../src/cli/client/watch-run.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";

const { BACKUP_PROGRESS, LOGIN, START_BACKUP } = operations;

type Answer = (request: IncomingMessage, response: ServerResponse) => unknown;

/** A server that answers like this, until the test is over. */
async function serve(answer: Answer): Promise<{ url: string; close: () => void }> {
  const server = createServer((request, response) => void answer(request, response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  onTestFinished(close);
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/`, close };
}

async function clientOf(answer: Answer, signal = new AbortController().signal): Promise<GraphqlClient> {
  const { url } = await serve(answer);
  return createGraphqlClient({ server: url, token: "a-token", signal });
}

function backup(status: string, percent: number, error: unknown = null) {
  const progress = {
    phase: "copying",
    entity: "USERS",
    rows: 1,
    rowsTotal: 2,
    bytes: 3,
    bytesTotal: null,
    percent,
    rowsPerSecond: null,
    etaSeconds: null,
  };
  return {
    data: {
      backupProgress: {
        status,
        progress,
        error,
        durationMs: null,
        rows: null,
        rawBytes: null,
        sizeBytes: null,
      },
    },
  };
}

function sendEvent(response: ServerResponse, answer: unknown): void {
  response.write(`event: next\ndata: ${JSON.stringify(answer)}\n\n`);
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const value of values) collected.push(value);
  return collected;
}

describe("the documents", () => {
  const documents = Object.entries({
    ...operations,
    ...listings,
    ...keeping,
    ...artifacts,
    ...notices,
  }).flatMap(([name, exported]) => ("document" in exported ? [[name, exported.document] as const] : []));
  it.for(documents)("%s is valid against the schema", ([, document]) => {
    expect(validate(buildSchema(platformCatalog), parse(document))).toEqual([]);
  });
});

describe("a query", () => {
  it("is JSON with the token in its header", async () => {
    const client = await clientOf(async (request, response) => {
      const body = await json(request);
      expect(request.headers).toMatchObject({
        authorization: "Bearer a-token",
        "content-type": "application/json",
      });
      expect(request.url).toBe("/graphql");
      expect(body).toEqual({ query: LOGIN.document, variables: { username: "admin", password: "secret" } });
      response.end(
        JSON.stringify({ data: { login: { token: "fresh", expiresAt: "2026-11-22T08:00:00Z" } } }),
      );
    });
    const { login } = await client.execute(LOGIN, { username: "admin", password: "secret" });
    expect(login.token).toBe("fresh");
  });

  it("throws the server's error with its code and hint", async () => {
    const client = await clientOf((_request, response) => {
      const extensions = { code: "FORBIDDEN", hint: "Ask for READ_ACLS." };
      response
        .writeHead(403)
        .end(JSON.stringify({ errors: [{ message: "READ_ACLS is missing.", extensions }] }));
    });
    expect(await rejection(client.execute(START_BACKUP, { input: {} }))).toMatchObject({
      name: "HoldfastError",
      code: "FORBIDDEN",
      message: "READ_ACLS is missing.",
      hint: "Ask for READ_ACLS.",
    });
  });

  it("keeps a code that this version does not know in the message", async () => {
    const client = await clientOf((_request, response) => {
      response.end(JSON.stringify({ errors: [{ message: "Too late.", extensions: { code: "TEA_TIME" } }] }));
    });
    expect(await rejection(client.execute(START_BACKUP, { input: {} }))).toMatchObject({
      code: "INTERNAL",
      message: "Too late. (TEA_TIME)",
    });
  });

  it.for([
    ["a page", "<html>Welcome</html>"],
    ["JSON of another kind", '{"data":{"welcome":true}}'],
    ["nothing", ""],
  ] as const)("says that a server which answers with %s is no Holdfast", async ([, answer]) => {
    const client = await clientOf((_request, response) => response.end(answer));
    expect(await rejection(client.execute(START_BACKUP, { input: {} }))).toMatchObject({
      code: "SERVER_UNREACHABLE",
    });
  });

  it("says that nobody listens, and why", async () => {
    const { url, close } = await serve(() => undefined);
    close();
    const client = createGraphqlClient({ server: url, signal: new AbortController().signal });
    expect(await rejection(client.execute(START_BACKUP, { input: {} }))).toMatchObject({
      code: "SERVER_UNREACHABLE",
      message: expect.stringContaining("ECONNREFUSED"),
    });
  });

  it("ends with the reason of the signal", async () => {
    const controller = new AbortController();
    const client = await clientOf(() => controller.abort(new Error("enough")), controller.signal);
    expect(await rejection(client.execute(START_BACKUP, { input: {} }))).toMatchObject({ message: "enough" });
  });
});

describe("a run that is watched", () => {
  const watch = (client: GraphqlClient, signal = new AbortController().signal) =>
    watchRun(async function* () {
      for await (const { backupProgress } of client.subscribe(BACKUP_PROGRESS, { id: "1" }))
        yield backupProgress;
    }, signal);

  it("is seen to its end over connections that break, answer badly for a while, or complete too early", async () => {
    let connections = 0;
    const client = await clientOf((_request, response) => {
      connections += 1;
      if (connections === 2) {
        response.writeHead(503).end("<html>Bad gateway</html>");
        return;
      }
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(":\n\n");
      sendEvent(response, backup("RUNNING", connections * 10));
      if (connections === 1) setImmediate(() => response.destroy());
      if (connections === 3) response.end("event: complete\ndata:\n\n");
      if (connections === 4) {
        sendEvent(response, backup("SUCCEEDED", 100));
        response.end("event: complete\ndata:\n\n");
      }
    });
    const states = await collect(watch(client));
    expect(states.map(({ status, progress }) => [status, progress.percent])).toEqual([
      ["RUNNING", 10],
      ["RUNNING", 30],
      ["RUNNING", 40],
      ["SUCCEEDED", 100],
    ]);
  });

  it("is given up at once when the request itself is refused", async () => {
    let connections = 0;
    const client = await clientOf((_request, response) => {
      connections += 1;
      response.writeHead(200, { "content-type": "text/event-stream" });
      sendEvent(response, {
        errors: [{ message: "There is no such run.", extensions: { code: "NOT_FOUND" } }],
      });
      response.end("event: complete\ndata:\n\n");
    });
    expect(await rejection(collect(watch(client)))).toMatchObject({ code: "NOT_FOUND" });
    expect(connections).toBe(1);
  });

  it("throws its own error when it has failed", async () => {
    const error = { code: "WRONG_PASSPHRASE", message: "The passphrase is wrong.", hint: "Check it." };
    const client = await clientOf((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      sendEvent(response, backup("FAILED", 5, error));
    });
    const shown: number[] = [];
    const follow = followRun(watch(client), ({ progress }) => shown.push(progress.percent));
    expect(await rejection(follow)).toMatchObject(error);
    expect(shown).toEqual([5]);
  });

  it("is left when the signal is aborted, whether a connection is open or waited for", async () => {
    for (const holdsOn of [true, false]) {
      const controller = new AbortController();
      const client = await clientOf((_request, response) => {
        if (!holdsOn) {
          response.destroy();
          setTimeout(() => controller.abort(new Error("enough")), 10);
          return;
        }
        response.writeHead(200, { "content-type": "text/event-stream" });
        sendEvent(response, backup("RUNNING", 1));
        setTimeout(() => controller.abort(new Error("enough")), 10);
      }, controller.signal);
      expect(await rejection(collect(watch(client, controller.signal)))).toBeInstanceOf(Error);
    }
  });
});
