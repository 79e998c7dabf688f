// Marked secrets go through a server and a worker as processes, in whatever way a secret comes in; then everything that these have
// written, answered, stored and been started with is searched for them.
import { spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { Redis } from "ioredis";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { generateIdentity } from "../../src/codec/age.ts";
import { COMMAND } from "../support/command.ts";
import { createDatabase } from "../support/postgres.ts";

const PATIENCE_MS = 120_000;
const TABLES = ["holdfast", "bullmq", "drizzle"];

/** Everything secret, by what it is. */
const secrets = new Map<string, string>();
function secret(what: string): string {
  const made = `marked-${what}-${randomUUID()}`;
  secrets.set(what, made);
  return made;
}

/** Where something could be found, and what was there. */
const places = new Map<string, string>();
const note = (place: string, text: string): void =>
  void places.set(place, `${places.get(place) ?? ""}${text}\n`);

/** What holds of every process of Holdfast, while it runs. */
const coreFilters = new Set<string>();

const opened = new AsyncDisposableStack();
const processes: ChildProcess[] = [];
let url = "";

beforeAll(async () => {
  const database = opened.use(await createDatabase());
  const directory = await mkdtemp(path.join(tmpdir(), "holdfast-secrets-"));
  opened.defer(() => rm(directory, { recursive: true, force: true }));
  const role = `marked_${randomUUID().replaceAll("-", "_")}`;
  const admin = postgres(database.url, { max: 1, onnotice: () => undefined });
  opened.defer(async () => {
    await admin.unsafe(`drop owned by ${role} cascade`);
    await admin.unsafe(`drop role ${role}`);
    await admin.end();
  });
  const databasePassword = secret("database-password");
  await admin.unsafe(`create role ${role} login superuser password '${databasePassword}'`);
  const own = Object.assign(new URL(database.url), { username: role, password: databasePassword });

  const drill = await generateIdentity();
  secrets.set("drill-identity", drill.identity);
  const identityFile = path.join(directory, "drill.txt");
  await writeFile(identityFile, drill.identity, { mode: 0o600 });
  const configuration = path.join(directory, "holdfast.config.ts");
  await writeFile(
    configuration,
    `import { defineConfig, stores } from "holdfast";
    export default defineConfig({
      stores: {
        local: stores.fs({ directory: ${JSON.stringify(path.join(directory, "store"))} }),
        cloud: stores.s3({ bucket: "b", region: "r", endpoint: "http://127.0.0.1:9", accessKeyId: "key",
          secretAccessKey: "${secret("store-key")}" }),
      },
      notify: [{ webhook: "http://127.0.0.1:9/${secret("webhook-path")}", secret: "${secret("webhook-secret")}" },
        { smtp: "smtp://me:${secret("mail-password")}@127.0.0.1:9", from: "a@example.org", to: "b@example.org" }],
      drill: { identityFile: ${JSON.stringify(identityFile)} },
    });`,
  );
  const adminPassword = secret("first-password");
  const environment = {
    ...process.env,
    HOLDFAST_DATABASE_URL: own.href,
    HOLDFAST_DATA_DIR: path.join(directory, "data"),
    HOLDFAST_SECRET_KEY: secret("server-key"),
    HOLDFAST_ADMIN_PASSWORD: adminPassword,
    HOLDFAST_CONFIG: configuration,
    ...(await collectTraces()),
    LOG_LEVEL: "trace",
    PORT: "0",
  };
  const start = (...args: string[]): ChildProcess => {
    const child = spawn(process.execPath, [COMMAND, ...args], {
      env: environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => note(`output of ${args[0]}`, chunk.toString()));
    processes.push(child);
    return child;
  };
  start("serve", "--no-worker");
  const shown = () => /http:\/\/[\d.]+:\d+/.exec(places.get("output of serve") ?? "")?.[0];
  url = (await vi.waitUntil(shown, { timeout: PATIENCE_MS })) ?? "";
  start("worker");

  await goThroughEverything(adminPassword, drill.recipient);
  await lookAtProcesses();
  await Promise.all(
    processes.map(async (child) => {
      const closed = once(child, "close");
      child.kill("SIGTERM");
      await closed;
    }),
  );

  const tables = await admin<{ name: string }[]>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname = any(${TABLES}) or (schemaname = 'platform' and tablename = 'audit_logs')`;
  for (const { name } of tables) {
    const rows = await admin.unsafe<{ row: string }[]>(`select t::text as row from ${name} as t`);
    note("tables", rows.map(({ row }) => row).join("\n"));
  }
  if (process.env["REDIS_URL"] !== undefined) note("Redis", await readRedis(process.env["REDIS_URL"]));
  for (const folder of ["data", "store"]) note("files", await readFiles(path.join(directory, folder)));
}, 4 * PATIENCE_MS);
afterAll(async () => {
  for (const child of processes) child.kill("SIGKILL");
  await opened.disposeAsync();
});

/** Notes what the processes export as they end, and before. @returns the settings that have them do so */
async function collectTraces() {
  const collector = createServer((request, response) => {
    void text(request).then((body) => {
      note("traces", body);
      response.setHeader("content-type", "application/json").end("{}");
    });
  }).listen(0, "127.0.0.1");
  opened.defer(() => void collector.close());
  await once(collector, "listening");
  const address = collector.address();
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=${secret("collector-token")}`,
  };
}

interface Caller {
  readonly authorization?: string;
}

async function rest(
  request: string,
  { authorization }: Caller,
  options: RequestInit = {},
): Promise<Response> {
  const [method = "", place = ""] = request.split(" ");
  const headers = new Headers(options.headers);
  if (authorization !== undefined) headers.set("authorization", authorization);
  return fetch(`${url}${place}`, { method, ...options, headers });
}

/** @returns the answer, noted unless it is the one whose business it is to hold a secret */
async function json(request: string, caller: Caller, body: object, holds?: string) {
  const headers = { "content-type": "application/json" };
  const answer = await rest(request, caller, { headers, body: JSON.stringify(body) });
  const text = await answer.text();
  if (holds === undefined) note("answers", text);
  return JSON.parse(text) as Record<string, unknown> & { token?: string };
}

async function graphql(caller: Caller, query: string, input: object): Promise<string> {
  const answer = await json("POST /graphql", caller, { query, variables: { input } });
  return /"id":"([0-9a-f-]{36})"/.exec(JSON.stringify(answer))?.[1] ?? "";
}

/** Signs in, starts one of everything, right and wrong, and waits until all of it has ended. */
async function goThroughEverything(adminPassword: string, drillRecipient: string): Promise<void> {
  const login = async (password: string) => {
    const credentials = { username: "admin", password };
    const { token = "" } = await json("POST /api/v1/auth/login", {}, credentials, "token");
    secrets.set(`session-${secrets.size}`, token.split(".")[2] ?? token);
    return { authorization: `Bearer jwt:${token}` };
  };
  const wrong = secret("wrong-password");
  await json("POST /api/v1/auth/login", {}, { username: "admin", password: wrong });
  await json(
    "POST /graphql",
    {},
    {
      query: `mutation { login(username: "admin", password: "${wrong}") { token } }`,
    },
  );
  const first = await login(adminPassword);
  const password = secret("changed-password");
  for (const old_password of [wrong, adminPassword])
    await json("POST /api/v1/auth/change-password", first, { old_password, new_password: password });
  const session = await login(password);
  const { token = "" } = await json("POST /api/v1/tokens", session, { name: "script" }, "token");
  secrets.set("token", token);
  const script = { authorization: `Bearer pat:${token}` };
  await json(
    "POST /graphql",
    { authorization: `Bearer ${secret("malformed-token")}` },
    { query: "{ me { id } }" },
  );

  const passphrase = secret("passphrase");
  const other = secret("wrong-passphrase");
  const again = secret("new-passphrase");
  const { identity, recipient } = await generateIdentity();
  secrets.set("identity", identity);
  const BACKUP = "mutation ($input: StartBackupInput!) { startBackup(input: $input) { id } }";
  const VERIFY = "mutation ($input: StartVerificationInput!) { startVerification(input: $input) { id } }";
  const RESTORE = "mutation ($input: StartRestoreInput!) { startRestore(input: $input) { id } }";
  const groups = ["CONFIG"];
  const closed = await graphql(script, BACKUP, { groups, encryption: { passphrase }, label: "closed" });
  const sealed = await graphql(script, BACKUP, { groups, encryption: { recipients: [recipient] } });
  await graphql(script, BACKUP, { groups, encryption: { recipients: [recipient] }, stores: ["cloud"] });
  await graphql(script, BACKUP, { groups, encryption: { passphrase, recipients: [recipient] } });
  await ended(script);
  await graphql(script, VERIFY, { backupId: closed, level: "CONTENTS", unlock: { passphrase: other } });
  await graphql(script, RESTORE, { backupId: closed, unlock: { passphrase } });
  for (const unlock of [{ identity }, { identity: other }, { passphrase: other, identity }])
    await graphql(script, RESTORE, { backupId: sealed, unlock });
  await ended(script);
  const REKEY = "mutation ($input: RekeyBackupInput!) { rekeyBackup(input: $input) { id } }";
  await graphql(script, REKEY, { id: closed, unlock: { passphrase }, encryption: { passphrase: again } });

  const headers = { "Holdfast-Passphrase": passphrase };
  const file = await (await rest("GET /api/v1/backup/config", script, { headers })).blob();
  for (const key of [{ "Holdfast-Passphrase": other }, { "Holdfast-Identity": identity }, headers]) {
    const body = new FormData();
    body.set("backup", file, "config.db");
    const answer = await rest("POST /api/v1/restore/config", script, { headers: key, body });
    note("answers", await answer.text());
  }

  const SCHEDULE = "mutation ($input: ScheduleInput!) { createSchedule(input: $input) { id } }";
  const terms = { name: "nightly", cron: "0 2 * * *", groups, recipients: [drillRecipient] };
  const schedule = await graphql(script, SCHEDULE, terms);
  await json("POST /graphql", script, { query: `mutation { triggerSchedule(id: "${schedule}") { id } }` });
  await ended(script);
  for (const query of [
    "{ backups { edges { node { id label status error { code message hint } encryption stores } } } }",
    "{ restores { edges { node { id status error { code message hint } } } } }",
    "{ stores { name kind } auditLog { edges { node { actor action target details } } } tokens { name } }",
    'mutation { checkStore(name: "cloud") { reachable error { message } } }',
  ])
    await json("POST /graphql", session, { query });
}

/** Until nothing waits or runs any more but the backup which a store that is out of reach holds up. */
async function ended(caller: Caller): Promise<void> {
  const query = `{ backups(first: 100) { edges { node { status } } } restores(first: 100) { edges { node { status } } } }`;
  const unfinished = async () => {
    const text = JSON.stringify(await json("POST /graphql", caller, { query }));
    return text.match(/QUEUED|RUNNING/g)?.length ?? 0;
  };
  await vi.waitUntil(async () => (await unfinished()) <= 1, { timeout: PATIENCE_MS, interval: 300 });
}

/** How every process of ours was started, and what of its memory a core dump would hold. */
async function lookAtProcesses(): Promise<void> {
  for (const { pid } of processes) {
    note("process list", await readFile(`/proc/${pid}/cmdline`, "utf8"));
    note("process list", await readFile(`/proc/${pid}/comm`, "utf8"));
    coreFilters.add((await readFile(`/proc/${pid}/coredump_filter`, "utf8")).trim());
  }
}

async function readRedis(redisUrl: string): Promise<string> {
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: 1 });
  try {
    const found = [];
    for (const key of await redis.keys("*")) {
      const type = await redis.type(key);
      if (type === "hash") found.push(await redis.hgetall(key));
      else if (type === "list") found.push(await redis.lrange(key, 0, -1));
      else if (type === "zset") found.push(await redis.zrange(key, "0", "-1"));
      else if (type === "stream") found.push(await redis.xrange(key, "-", "+"));
      else if (type === "set") found.push(await redis.smembers(key));
      else found.push(await redis.get(key));
    }
    return JSON.stringify(found);
  } finally {
    await redis.quit();
  }
}

async function readFiles(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => path.join(parentPath, name));
  const contents = await Promise.all(files.map((file) => readFile(file, "latin1")));
  return [...files, ...contents].join("\n");
}

describe("after a full run, no secret is in", () => {
  it.each(["output of serve", "output of worker", "answers", "tables", "files", "process list", "traces"])(
    "%s",
    (place) => {
      const text = places.get(place) ?? "";
      expect(text.length).toBeGreaterThan(20);
      expect([...secrets].filter(([, value]) => text.includes(value)).map(([what]) => what)).toEqual([]);
    },
  );

  it.runIf(process.env["REDIS_URL"] !== undefined)("Redis", () => {
    const text = places.get("Redis") ?? "";
    expect([...secrets].filter(([, value]) => text.includes(value)).map(([what]) => what)).toEqual([]);
  });

  it.runIf(process.platform === "linux")("what a core dump would hold", () => {
    expect([...coreFilters]).toEqual(["00000000"]);
  });
});

it("of all of that the traces tell: requests, runs, what failed, and what went to stores", () => {
  const text = places.get("traces") ?? "";
  for (const name of [
    ...["POST /api/v1/auth/login", "POST /api/v1/auth/change-password", "POST /api/v1/restore/config"],
    ...["mutation login", "mutation startRestore", "mutation rekeyBackup", "mutation checkStore"],
    ...["process runs", "backup", "restore", "verification", "put local"],
  ])
    expect(text).toContain(`"name":"${name}"`);
  for (const type of ["WRONG_PASSPHRASE", "STORE_FAILED"])
    expect(text).toContain(`{"key":"error.type","value":{"stringValue":"${type}"}}`);
});

it("what was to happen has happened: right secrets opened, and wrong ones did not", () => {
  const text = places.get("answers") ?? "";
  for (const code of [
    "BAD_CREDENTIALS",
    "WRONG_PASSWORD",
    "UNAUTHENTICATED",
    "WRONG_PASSPHRASE",
    "BAD_INPUT",
  ])
    expect(text).toContain(code);
  expect(text).toContain('"status":"SUCCEEDED"');
  expect(text).toContain('"success":true');
});
