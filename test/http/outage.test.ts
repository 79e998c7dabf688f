// Holdfast's own database goes away and comes back: what each door answers meanwhile, and what goes on by itself after.
import { once } from "node:events";
import postgres from "postgres";
import { describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { startMortalPostgres } from "../support/mortal-postgres.ts";
import { openPassage } from "../support/passage.ts";
import { createDatabase } from "../support/postgres.ts";
import { PASSWORD } from "../auth/world.ts";
import { claim, finishedBackup, queuedBackup, report } from "./runs-driver.ts";
import { ALL, ask, startTestServer, type Account, type TestServer } from "./server-fixture.ts";
import { next, subscribe, TRANSPORTS } from "./subscribe.ts";

// A pool whose server is gone lets requests wait for one another, some seconds for each of these.
vi.setConfig({ testTimeout: 180_000 });
const PATIENCE = { timeout: 60_000 };
const OUT = {
  code: "DATABASE_UNREACHABLE",
  hint: expect.stringContaining("send the request again in 5 seconds"),
};

async function serverOnMortal() {
  const database = await startMortalPostgres();
  const server = await startTestServer({}, {}, { url: database.url, drop: async () => undefined });
  return { database, server, account: await server.accountWith(...ALL) };
}

const form = (name: string, entries: Record<string, string>) => {
  const body = new FormData();
  for (const [key, value] of Object.entries(entries)) body.set(key, value);
  body.set(name, new Blob(["a file"]), "auth.db");
  return body;
};

/** Status, Retry-After and error of every door that a request with a token comes in by, and of REST's sign-in. */
async function knock({ url }: TestServer, { authorization, username }: Account) {
  const headers = { authorization };
  const json = { "content-type": "application/json" };
  const upload = {
    operations: '{"query":"mutation($file:File!){importBackup(file:$file){id}}","variables":{"file":null}}',
    map: '{"file":["variables.file"]}',
  };
  const id = "00000000-0000-4000-8000-000000000000";
  const requests: Record<string, [string, RequestInit]> = {
    query: [
      "/graphql",
      { method: "POST", headers: { ...headers, ...json }, body: '{"query":"{ me { username } }"}' },
    ],
    mutation: [
      "/graphql",
      { method: "POST", headers: { ...headers, ...json }, body: '{"query":"mutation { logout }"}' },
    ],
    subscription: [
      "/graphql",
      {
        method: "POST",
        headers: { ...headers, ...json, accept: "text/event-stream" },
        body: '{"query":"subscription { runs { id } }"}',
      },
    ],
    "GraphQL with a file": [
      "/graphql",
      { method: "POST", headers: { ...headers, "x-requested-with": "test" }, body: form("file", upload) },
    ],
    "sign-in": [
      "/api/v1/auth/login",
      { method: "POST", headers: json, body: JSON.stringify({ username, password: PASSWORD }) },
    ],
    whoami: ["/api/v1/auth/whoami", { headers }],
    tokens: ["/api/v1/tokens", { method: "POST", headers: { ...headers, ...json }, body: '{"name":"x"}' }],
    backup: ["/api/v1/backup/auth", { headers }],
    restore: ["/api/v1/restore/auth", { method: "POST", headers, body: form("backup", {}) }],
    download: [`/api/v1/backups/${id}/download`, { headers }],
    metrics: ["/metrics", { headers }],
  };
  const answers = await Promise.all(
    Object.entries(requests).map(async ([door, [path, init]]) => {
      const response = await fetch(url + path, init);
      const { error, errors } = JSON.parse(/\{.*\}/.exec(await response.text())?.[0] ?? "{}");
      const { code, hint } = error ?? errors?.[0]?.extensions ?? {};
      return [door, { status: response.status, retryAfter: response.headers.get("retry-after"), code, hint }];
    }),
  );
  return Object.fromEntries(answers);
}
const everyDoor = (shown: object) =>
  Object.fromEntries(
    [
      "query",
      "mutation",
      "subscription",
      "GraphQL with a file",
      "sign-in",
      "whoami",
      "tokens",
      "backup",
      "restore",
      "download",
      "metrics",
    ].map((door) => [door, shown]),
  );

it("while it is gone every door says so, and what was subscribed to goes on after", async () => {
  const { database, server, account } = await serverOnMortal();
  await using _ = server;
  const { ledger } = server.world;
  const { authorization, username } = account;
  const lease = await claim(ledger, await queuedBackup(ledger, ["USERS"]));
  const open = TRANSPORTS.flatMap((transport) =>
    [`backupProgress(id: "${lease.runId}")`, "runs"].map((field) =>
      subscribe(transport, server.url, {
        authorization,
        query: `subscription { ${field} { status progress { percent } } }`,
      }),
    ),
  );
  const whoami = () => fetch(`${server.url}/api/v1/auth/whoami`, { headers: { authorization } });
  /** Reports progress until every subscriber has been told of it. */
  const tellAll = async (percent: number): Promise<void> => {
    let told = false;
    const telling = Promise.all(open.map((answers) => untilShown(answers, percent))).then(
      () => (told = true),
    );
    await expect.poll(() => report(ledger, lease, { percent }).then(() => told), PATIENCE).toBe(true);
    await telling;
  };
  await tellAll(1);

  await database.refuse();
  const refused = async (): Promise<boolean> => {
    expect((await whoami()).status).toBe(503);
    return JSON.stringify(server.logged).includes("57P03");
  };
  await expect.poll(refused, PATIENCE).toBe(true);
  await database.kill();
  expect(await knock(server, account)).toEqual(everyDoor({ ...OUT, status: 503, retryAfter: "5" }));
  const login = await ask(
    server.url,
    `mutation { login(username: "${username}", password: "${PASSWORD}") { token } }`,
  );
  expect(login.errors?.[0]?.extensions).toMatchObject(OUT);
  const socket = new WebSocket(`${server.url.replace("http", "ws")}/graphql`, "graphql-transport-ws");
  await once(socket, "open");
  socket.send(JSON.stringify({ type: "connection_init", payload: { authorization } }));
  expect((await once(socket, "close"))[0]).toBe(1013);

  await database.start();
  await expect.poll(async () => (await whoami()).status, PATIENCE).toBe(200);
  await tellAll(42);
  expect(server.logged.filter(({ msg }) => String(msg).includes("not in the catalogue"))).toEqual([]);
  await Promise.all(open.map((answers) => answers.return()));
});

/** Fails when it ends before, or tells of an error. */
async function untilShown(answers: ReturnType<typeof subscribe>, percent: number): Promise<void> {
  for (;;) {
    const answer = await next(answers);
    expect(answer.errors).toBeUndefined();
    if (JSON.stringify(answer.data).includes(`"percent":${percent}`)) return;
  }
}

describe("a COMMIT that no answer came back to", () => {
  /** What is written to the table waits at its COMMIT, whose connection is cut then. */
  async function commitUnheard(
    table: string,
    act: (server: TestServer, account: Account) => Promise<unknown>,
  ) {
    const database = await createDatabase({ migrated: true });
    const passage = await openPassage(database.url);
    const server = await startTestServer({}, {}, { url: passage.url, drop: () => database.drop() });
    const account = await server.accountWith(...ALL);
    const sql = postgres(database.url, { max: 2, onnotice: () => undefined });
    await sql.unsafe(`
      create function wait_at_commit() returns trigger language plpgsql
        as $$ begin perform pg_advisory_xact_lock(42); return null; end $$;
      create constraint trigger wait_at_commit after insert on ${table} deferrable initially deferred
        for each row execute function wait_at_commit()`);
    const held = Promise.withResolvers<void>();
    const holding = sql.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(42)`;
      await held.promise;
    });
    await expect
      .poll(() => sql`select from pg_locks where locktype = 'advisory' and objid = 42 and granted`, PATIENCE)
      .toHaveLength(1);
    const answering = act(server, account);
    await expect
      .poll(
        () => sql`select from pg_locks where locktype = 'advisory' and objid = 42 and not granted`,
        PATIENCE,
      )
      .toHaveLength(1);
    await passage.cut();
    const answer = await answering;
    held.resolve();
    await holding;
    await passage.mend();
    await expect.poll(() => sql.unsafe(`select from ${table}`), PATIENCE).toHaveLength(1);
    return {
      answer,
      server,
      account,
      sql,
      close: async () => {
        await sql.end();
        await server[Symbol.asyncDispose]();
      },
    };
  }
  const UNKNOWN = { code: "OUTCOME_UNKNOWN", hint: expect.stringContaining("same key") };

  it("of a mutation is not answered as if nothing had happened; the same key does not start it twice", async () => {
    const start = (server: TestServer, { authorization }: Account) =>
      ask(
        server.url,
        'mutation { startBackup(input: { entities: [USERS], idempotencyKey: "once" }) { id } }',
        {
          authorization,
        },
      );
    const { answer, server, account, sql, close } = await commitUnheard("holdfast.runs", start);
    expect(answer).toMatchObject({ errors: [{ path: ["startBackup"], extensions: UNKNOWN }] });
    const [run] = await sql`select id from holdfast.runs`;
    await expect
      .poll(async () => (await start(server, account)).data, PATIENCE)
      .toEqual({ startBackup: { id: run?.["id"] } });
    await close();
  });

  it("over REST is a 503 that says so", async () => {
    const { answer, close } = await commitUnheard("platform.tokens", async ({ url }, { authorization }) => {
      const body = '{"name":"script"}';
      const headers = { authorization, "content-type": "application/json" };
      const response = await fetch(`${url}/api/v1/tokens`, { method: "POST", headers, body });
      return {
        status: response.status,
        retryAfter: response.headers.get("retry-after"),
        ...(await response.json()),
      };
    });
    expect(answer).toMatchObject({ status: 503, retryAfter: "5", error: UNKNOWN });
    await close();
  });
});

it("a mutation that is done before the database goes, and whose result cannot be read, says that it is done", async () => {
  const database = await createDatabase({ migrated: true });
  const passage = await openPassage(database.url);
  await using server = await startTestServer({}, {}, { url: passage.url, drop: () => database.drop() });
  const { authorization } = await server.accountWith(...ALL);
  const backupId = await finishedBackup(server.world.ledger, ["USERS"]);
  // Behind the COMMIT of the restore's row, and before its fields are read.
  vi.spyOn(server.queue, "enqueue").mockImplementation(() => passage.cut());
  const document =
    "mutation ($input: StartRestoreInput!) { startRestore(input: $input) { id backup { id } } }";
  const answer = await ask(server.url, document, { authorization, variables: { input: { backupId } } });
  await passage.mend();
  expect(answer.errors).toMatchObject([
    {
      path: ["startRestore", "backup"],
      message: expect.stringContaining("has taken effect"),
      extensions: { code: "DATABASE_UNREACHABLE", hint: expect.stringContaining("Do not send it again") },
    },
  ]);
});
