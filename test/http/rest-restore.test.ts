// POST /restore/{group}: a group's file put back, everything that keeps it from being put back, and what is left then: nothing.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { request, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { generateIdentity } from "../../src/codec/age.ts";
import { entityNamed } from "../../src/core/catalog.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";
import type { TableChanges } from "../../src/core/run.ts";
import { tarSink } from "../../src/engine/artifact-io.ts";
import { backup } from "../../src/engine/backup.ts";
import { seedPlatform, SMALL_SIZES } from "../../src/platform/seed.ts";
import { fingerprints, type Fingerprints } from "../support/fingerprints.ts";
import { shell } from "../support/stock-tools.ts";
import { authorized, curl, start, type Answer } from "./curl.ts";
import { ALL, startTestServer, type Account, type TestServer } from "./server-fixture.ts";

let server: TestServer;
let everybody: Account;
let directory: string;
/** The group CONFIG as it was at the beginning, and WORKSPACE. */
let config: string;
let workspace: string;

beforeAll(async () => {
  server = await startTestServer();
  await seedPlatform(server.world.ledger.sql, SMALL_SIZES);
  everybody = await server.accountWith(...ALL);
  directory = await mkdtemp(path.join(tmpdir(), "holdfast-rest-"));
  config = await backUp("config");
  workspace = await backUp("workspace");
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

/** @returns the file's path */
async function backUp(group: string, ...args: string[]): Promise<string> {
  const file = path.join(directory, `${group}-${randomUUID()}.db`);
  const url = `${server.url}/api/v1/backup/${group}`;
  const { exitCode } = await start("curl", ["-sSf", "-o", file, ...authorized(everybody), ...args, url])
    .outcome;
  expect(exitCode).toBe(0);
  return file;
}

const at = (target: string): string => `${server.url}/api/v1/restore/${target}`;

/** @param target the group, and a query */
const restore = (target: string, file: string, ...args: string[]): Promise<Answer> =>
  curl(...authorized(everybody), "--form", `backup=@${file}`, ...args, at(target));

const codeOf = ({ status, json }: Answer) => [status, json.error?.code];

function changesOf({ exitCode, status, json }: Answer): Record<string, TableChanges> {
  expect([exitCode, status, json.success]).toEqual([0, 200, true]);
  const changes = json["changes"] as TableChanges[];
  return Object.fromEntries(changes.map((change) => [change.table.replace("platform.", ""), change]));
}

/** Of all tables but the audit log, where every attempt is written down. */
async function rows(): Promise<Fingerprints> {
  const { "platform.audit_logs": _, ...others } = await fingerprints(server.world.url);
  return others;
}

async function damageConfig(): Promise<void> {
  const { sql } = server.world.ledger;
  await sql`delete from platform.alerts where id in (select id from platform.alerts order by id limit 7)`;
  await sql`update platform.pipelines set name = 'renamed ' || name where id in (select id from platform.pipelines order by id limit 3)`;
  await sql`insert into platform.transformers (name, kind, source) values (${`later ${randomUUID()}`}, 'MAP', 'x')`;
}

describe("a group's file", () => {
  it("is put back: what was lost or changed is as it was, and what is new is kept", async () => {
    const before = await rows();
    await damageConfig();
    const changes = changesOf(await restore("config", config));
    expect(changes["alerts"]).toMatchObject({ inserted: 7, updated: 0, deleted: 0 });
    expect(changes["pipelines"]).toMatchObject({ inserted: 0, updated: 3, deleted: 0 });
    const after = await rows();
    expect(after["platform.alerts"]).toBe(before["platform.alerts"]);
    expect(after["platform.pipelines"]).toBe(before["platform.pipelines"]);
    expect(after["platform.transformers"]).not.toBe(before["platform.transformers"]);
  });

  it("replaces what there is with mode=replace, and only adds what is missing with mode=insert-missing", async () => {
    await damageConfig();
    const added = changesOf(await restore("config?mode=insert-missing", config));
    expect(added["alerts"]).toMatchObject({ inserted: 7 });
    expect(added["pipelines"]).toMatchObject({ inserted: 0, updated: 0 });
    const replaced = changesOf(await restore("config?mode=replace", config));
    expect(replaced["pipelines"]).toMatchObject({ updated: 3 });
    expect(replaced["transformers"]?.deleted).toBeGreaterThan(0);
    const again = changesOf(await restore("config?mode=merge", config));
    for (const counts of Object.values(again))
      expect(counts).toMatchObject({ inserted: 0, updated: 0, deleted: 0 });
  });

  it("says what it would change with dry-run=true, changes nothing, and is then held to its plan", async () => {
    await damageConfig();
    const before = await rows();
    const preview = await restore("config?dry-run=true", config);
    expect(changesOf(preview)["alerts"]).toMatchObject({ inserted: 7 });
    expect(preview.json["dryRun"]).toBe(true);
    expect(await rows()).toEqual(before);
    const target = `config?expect-plan=${String(preview.json["plan"])}`;
    await server.world.ledger
      .sql`delete from platform.alerts where id = (select max(id) from platform.alerts)`;
    expect(codeOf(await restore(target, config))).toEqual([409, "PLAN_CHANGED"]);
    const now = await restore("config?dry-run=true", config);
    const done = await restore(`config?expect-plan=${String(now.json["plan"])}`, config);
    expect(changesOf(done)).toEqual(changesOf(now));
  });

  it("gives back the rows that only= names, and is in the audit log with them", async () => {
    const { sql } = server.world.ledger;
    await damageConfig();
    const before = await rows();
    const [lost] =
      await sql`select id, name from platform.pipelines where name like 'renamed %' order by id limit 1`;
    const only = `only=pipelines:${lost?.["id"]}`;
    const refused = await restore(
      `config?${only}&only=${encodeURIComponent('alerts:name="no, none"')}`,
      config,
    );
    expect(codeOf(refused)).toEqual([422, "ROWS_NOT_IN_BACKUP"]);
    expect(codeOf(await restore(`config?${only}&mode=replace`, config))).toEqual([400, "BAD_INPUT"]);
    expect(codeOf(await restore("config?only=users:1", config))).toEqual([400, "BAD_INPUT"]);
    expect(codeOf(await restore("config?only=pipelines", config))).toEqual([400, "BAD_INPUT"]);
    expect(await rows()).toEqual(before);
    const changes = changesOf(await restore(`config?${only}`, config));
    expect(Object.keys(changes)).toEqual(["pipelines", "pipeline_steps"]);
    expect(changes["pipelines"]).toMatchObject({ inserted: 0, updated: 1, unchanged: 0 });
    const [entry] = await sql`select details -> 'rows' as rows from platform.audit_logs
      where action = 'restore.started' and actor = ${everybody.username} order by id desc limit 1`;
    expect(entry).toEqual({ rows: [{ entity: "PIPELINES", keys: [lost?.["id"]] }] });
    await restore("config", config);
  });

  it("may hold some of the group's entities only", async () => {
    const file = path.join(directory, "alerts.db");
    const artifactId = randomUUID();
    const stream = createWriteStream(file);
    await backup(
      { databaseUrl: () => server.world.url, sink: tarSink(stream, new Date()) },
      {
        artifactId,
        createdAt: new Date(),
        entities: [entityNamed(platformCatalog, "ALERTS")],
        encryption: { kind: "NONE" },
        signer: server.deps.signer,
      },
      { signal: new AbortController().signal, onProgress: () => undefined },
    );
    stream.end();
    await once(stream, "close");
    expect(Object.keys(changesOf(await restore("config", file)))).toEqual(["alerts"]);
  });

  it("encrypted to a passphrase or to recipients is opened by what the headers bring", async () => {
    const passphrase = ["-H", "Holdfast-Passphrase: zażółć gęślą"];
    const opened = await restore("config", await backUp("config", ...passphrase), ...passphrase);
    expect(opened.json.success).toBe(true);
    const { identity, recipient } = await generateIdentity();
    const encrypted = await backUp(`config?recipient=${recipient}`);
    const mine = await restore("config", encrypted, "-H", `Holdfast-Identity: ${identity}`);
    expect(mine.json.success).toBe(true);
  });

  it("of the accounts is put back by one of them", async () => {
    const auth = await backUp("auth");
    const before = await rows();
    await server.world.ledger.sql`delete from platform.tokens`;
    await server.world.ledger
      .sql`update platform.users set display_name = 'nobody' where username like 'u-%'`;
    changesOf(await restore("auth?mode=replace", auth));
    expect(await rows()).toEqual(before);
  });

  it("is in the audit log: who, what and whence, and what came of it", async () => {
    const account = await server.accountWith(...ALL);
    await curl(...authorized(account), "--form", `backup=@${config}`, at("config"));
    await curl(...authorized(account), "--form", `backup=@${config}`, at("config?dry-run=true"));
    await curl(...authorized(account), "--form", `backup=@${config}`, at("workspace"));
    const found = await server.world.ledger.sql`
      select action, ip, details from platform.audit_logs where actor = ${account.username} order by id`;
    const started = { action: "restore.started", ip: "127.0.0.1" };
    expect(found.slice(-6)).toMatchObject([
      { ...started, details: { group: "CONFIG", mode: "MERGE", dryRun: false } },
      { action: "restore.applied", details: { changes: expect.any(Array) } },
      { ...started, details: { dryRun: true } },
      { action: "restore.previewed" },
      { ...started, details: { group: "WORKSPACE" } },
      { action: "restore.failed", details: { code: "FOREIGN_CONTENTS" } },
    ]);
  });
});

describe("nothing is changed and nothing is left by", () => {
  let before: Fingerprints;
  beforeEach(async () => {
    before = await rows();
  });
  afterEach(async () => {
    expect(await rows()).toEqual(before);
    expect(await readdir(server.deps.spoolDirectory)).toEqual([]);
    expect(await staged()).toEqual([]);
  });

  const staged = () => server.world.ledger.sql`
    select nspname from pg_namespace where nspname like 'holdfast_restore%'`;

  /** A copy of a file, changed. */
  async function changed(file: string, change: (copy: string) => Promise<unknown>): Promise<string> {
    const copy = path.join(directory, `${randomUUID()}.db`);
    await writeFile(copy, await readFile(file));
    await change(copy);
    return copy;
  }

  it("a file of another group", async () => {
    const answer = await restore("config", workspace);
    expect(codeOf(answer)).toEqual([422, "FOREIGN_CONTENTS"]);
    expect(answer.json.error?.message).toContain("TEMPLATES (of WORKSPACE)");
  });

  it("a file that is cut short, anywhere", async () => {
    const { size } = await stat(config);
    for (const length of [100, 512, Math.floor(size / 2), size - 600, size - 1]) {
      const answer = await restore("config", await changed(config, (copy) => truncate(copy, length)));
      expect([length, ...codeOf(answer)]).toEqual([length, 422, "ARTIFACT_INCOMPLETE"]);
    }
  });

  it("a file with a bit that is not as it was", async () => {
    const bytes = await readFile(config);
    for (const place of [600, Math.floor(bytes.length / 3), bytes.length - 1500]) {
      const flipped = Buffer.from(bytes);
      flipped[place] = (flipped[place] ?? 0) ^ 1;
      const answer = await restore("config", await changed(config, (copy) => writeFile(copy, flipped)));
      expect([place, answer.status]).toEqual([place, 422]);
      expect(answer.json.error?.code).toMatch(/^ARTIFACT_|^NOT_AN_ARTIFACT$/);
    }
  });

  it("somebody else's file", async () => {
    for (const content of ["hello", JSON.stringify({ format: "other" }), Buffer.alloc(10_000, 7)]) {
      const answer = await restore("config", await changed(config, (copy) => writeFile(copy, content)));
      expect(codeOf(answer)).toEqual([422, "NOT_AN_ARTIFACT"]);
    }
  });

  it("a passphrase that is wrong or missing", async () => {
    const file = await backUp("config", "-H", "Holdfast-Passphrase: right");
    const wrong = await restore("config", file, "-H", "Holdfast-Passphrase: wrong");
    expect(codeOf(wrong)).toEqual([422, "WRONG_PASSPHRASE"]);
    expect(codeOf(await restore("config", file))).toEqual([422, "PASSPHRASE_REQUIRED"]);
  });

  it("an identity that is wrong, missing, or none", async () => {
    const [owner, other] = [await generateIdentity(), await generateIdentity()];
    const file = await backUp(`config?recipient=${owner.recipient}`);
    const wrong = await restore("config", file, "-H", `Holdfast-Identity: ${other.identity}`);
    expect(codeOf(wrong)).toEqual([422, "WRONG_IDENTITY"]);
    expect(codeOf(await restore("config", file))).toEqual([422, "IDENTITY_REQUIRED"]);
    const none = await restore("config", file, "-H", "Holdfast-Identity: nonsense");
    expect(codeOf(none)).toEqual([400, "BAD_INPUT"]);
  });

  it.each([
    ["text where a file is due", ["--form", "backup=auth.db"], /--form backup=@auth\.db$/],
    ["text that is no file's name", ["--form", "backup=$(x)"], /--form backup=@auth\.db$/],
    ["a file in another field", ["--form", "file=@CONFIG"], /field backup/],
    ["no file at all", ["--form", "note=hello"], /field backup/],
    ["two files", ["--form", "backup=@CONFIG", "--form", "backup=@CONFIG"], /one file/],
    ["an option in the form", ["--form", "backup=@CONFIG", "--form", "mode=replace"], /query/],
    ["an empty file", ["--form", "backup=@/dev/null;filename=x"], /download/],
    ["a body that is no form", ["--data-binary", "@CONFIG"], /--form backup=@auth\.db/],
    [
      "a form with no boundary",
      ["-H", "Content-Type: multipart/form-data", "-d", "x"],
      /--form backup=@auth\.db/,
    ],
    [
      "a form with nothing in it",
      ["-H", "Content-Type: multipart/form-data; boundary=b", "-d", "--b--"],
      /--form backup=@auth\.db/,
    ],
    [
      "a form that is cut short",
      ["-H", "Content-Type: multipart/form-data; boundary=b", "-d", "--b"],
      /--form backup=@auth\.db/,
    ],
    ["no body", ["-X", "POST"], /--form backup=@auth\.db/],
  ])("%s, which is a 400 that says what to type", async (_, args, hint) => {
    const answer = await curl(
      ...authorized(everybody),
      ...args.map((arg) => arg.replace("CONFIG", config)),
      at("config"),
    );
    expect(codeOf(answer)).toEqual([400, "BAD_INPUT"]);
    expect(answer.json.error?.hint).toMatch(hint);
  });

  it.each([
    ["an unknown mode", "config?mode=overwrite", [], 400],
    ["a dry run that is misspelt", "config?dry_run=true", [], 400],
    ["a dry run that is neither true nor false", "config?dry-run=yes", [], 400],
    ["two modes", "config?mode=merge&mode=replace", [], 400],
    [
      "a passphrase and an identity",
      "config",
      ["-H", "Holdfast-Passphrase: a", "-H", "Holdfast-Identity: b"],
      400,
    ],
    ["a group that there is not", "nothing", [], 404],
  ])("%s", async (_, target, args, status) => {
    expect((await restore(target, config, ...args)).status).toBe(status);
  });

  it("a client that leaves while the restore waits for its locks", async () => {
    const { sql } = server.world.ledger;
    const sessions = () => sql<{ waits: string | null }[]>`
      select wait_event_type as waits from pg_stat_activity
      where datname = current_database() and application_name = 'holdfast restore'`;
    await sql.begin(async (tx) => {
      await tx`lock table platform.alerts in share mode`;
      const { child } = start("curl", [
        "-sS",
        ...authorized(everybody),
        "--form",
        `backup=@${config}`,
        at("config"),
      ]);
      await expect
        .poll(async () => (await sessions()).map(({ waits }) => waits), { timeout: 30_000 })
        .toContain("Lock");
      child.kill("SIGKILL");
      await expect.poll(sessions, { timeout: 10_000 }).toEqual([]);
    });
    await expect.poll(() => readdir(server.deps.spoolDirectory), { timeout: 10_000 }).toEqual([]);
  });
});

describe("permissions", () => {
  const groups = platformCatalog.groups.map((group) => ({
    path: group.name.toLowerCase(),
    permissions: [...new Set(group.entities.flatMap((entity) => entity.writePermissions))],
  }));
  const attempt = (group: string, file: string, ...args: string[]) =>
    curl("--form", `backup=@${file}`, ...args, at(`${group}?dry-run=true`));

  it.each(groups)("$path takes $permissions, each of them, and no more", async ({ path, permissions }) => {
    const file = await backUp(path);
    const granted = await attempt(path, file, ...authorized(await server.accountWith(...permissions)));
    changesOf(granted);
    for (const permission of permissions) {
      const account = await server.accountWith(...ALL.filter((candidate) => candidate !== permission));
      const refused = await attempt(path, file, ...authorized(account));
      expect(codeOf(refused)).toEqual([403, "FORBIDDEN"]);
      expect(refused.json.error?.message).toContain(permission);
      expect(refused.json.error?.details).toEqual({ missing: [permission] });
    }
  });

  it.each(groups)("$path is refused without a good token, with what to send", async ({ path }) => {
    for (const header of [
      "",
      "Bearer",
      "Bearer pat:x",
      `Bearer pat:hf_${"A".repeat(43)}`,
      "Bearer jwt:a.b.c",
    ]) {
      const answer = await attempt(path, config, "-H", `Authorization: ${header}`);
      expect([header, ...codeOf(answer)]).toEqual([header, 401, "UNAUTHENTICATED"]);
      expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    }
  });

  it("are those of a session or a personal access token, with or without its prefix", async () => {
    const account = await server.accountWith("WRITE_PIPELINES", "WRITE_TRANSFORMERS", "WRITE_ALERTS");
    const jwt = account.authorization.replace("Bearer jwt:", "");
    const caller = await server.world.auth.authenticate(account.authorization);
    const { token } = await server.world.auth.createToken(caller, { name: "script" });
    for (const credential of [`jwt:${jwt}`, jwt, `pat:${token}`, token]) {
      const answer = await attempt("config", config, "-H", `Authorization: Bearer ${credential}`);
      expect([answer.status, answer.json.success]).toEqual([200, true]);
    }
  });

  it("end with a token that is revoked while the file is on its way", async () => {
    const caller = await server.world.auth.authenticate(everybody.authorization);
    const { token, accessToken } = await server.world.auth.createToken(caller, { name: "short-lived" });
    const upload = request(at("config"), {
      method: "POST",
      headers: { authorization: `Bearer pat:${token}`, "content-type": "multipart/form-data; boundary=b" },
    });
    const head = '--b\r\nContent-Disposition: form-data; name="backup"; filename="config.db"\r\n\r\n';
    upload.write(`${head}the beginning of a file`);
    await expect.poll(() => readdir(server.deps.spoolDirectory)).toHaveLength(1);
    await server.world.auth.revokeToken(caller, accessToken.id);
    upload.end("\r\n--b--\r\n");
    const [response]: IncomingMessage[] = await once(upload, "response");
    response?.resume();
    expect(response?.statusCode).toBe(401);
    await expect.poll(() => readdir(server.deps.spoolDirectory)).toEqual([]);
  });
});

describe("a large upload", () => {
  let large: string;
  beforeAll(async () => {
    large = path.join(directory, "large.db");
    await writeFile(large, "");
    await truncate(large, 80 * 1024 * 1024);
  });

  it("is not sent at all by who may not: curl asks first", async () => {
    const stranger = await server.accountWith();
    for (const [args, status] of [
      [[], 401],
      [authorized(stranger), 403],
      [[...authorized(everybody), "-H", "Holdfast-Passphrase;"], 400],
    ] as const) {
      const answer = await curl("--form", `backup=@${large}`, ...args, at("config"));
      expect([answer.exitCode, answer.status, answer.uploadedBytes]).toEqual([0, status, 0]);
    }
  });

  it("is answered too where the client does not ask", async () => {
    const answer = await curl("-H", "Expect:", "--form", `backup=@${large}`, at("config"));
    expect([answer.status, answer.json.error?.code]).toEqual([401, "UNAUTHENTICATED"]);
  });

  it("is taken, and said to be no artifact", async () => {
    const answer = await restore("config", large);
    expect(codeOf(answer)).toEqual([422, "NOT_AN_ARTIFACT"]);
    expect(answer.uploadedBytes).toBeGreaterThan(80 * 1024 * 1024);
  });
});

describe("a full disk", () => {
  let full: string;
  let mounted = false;
  beforeAll(async () => {
    full = path.join(directory, "full");
    await mkdir(full);
    try {
      shell(`mount -t tmpfs -o size=1m tmpfs ${full}`, directory);
      mounted = true;
    } catch {
      // Only root may, and not everywhere.
    }
  });
  afterAll(() => {
    if (mounted) shell(`umount ${full}`, directory);
  });

  it("is said before the file is sent where its size is known, and when it is full where not", async (context) => {
    if (!mounted) context.skip();
    await using other = await startTestServer({ spoolDirectory: full });
    const account = await other.accountWith(...ALL);
    const large = path.join(directory, "too-large.db");
    await writeFile(large, Buffer.alloc(4 * 1024 * 1024, 7));
    const send = (...args: string[]) =>
      curl(
        ...authorized(account),
        "--form",
        `backup=@${large}`,
        ...args,
        `${other.url}/api/v1/restore/config`,
      );
    const announced = await send();
    expect([...codeOf(announced), announced.uploadedBytes]).toEqual([507, "NO_SPACE", 0]);
    expect(codeOf(await send("-H", "Transfer-Encoding: chunked"))).toEqual([507, "NO_SPACE"]);
    expect(await readdir(full)).toEqual([]);
  });
});
