// GET /backup/{group}: who gets which file, in which form, and what is refused before a byte of it is sent.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { generateIdentity } from "../../src/codec/age.ts";
import { tableLabel } from "../../src/core/catalog.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";
import { tarSource } from "../../src/engine/artifact-io.ts";
import { openArtifact, type Unlock } from "../../src/engine/artifact-reader.ts";
import { seedPlatform, SMALL_SIZES } from "../../src/platform/seed.ts";
import { shell } from "../support/stock-tools.ts";
import { authorized, curl, type Answer } from "./curl.ts";
import { ALL, startTestServer, type Account, type TestServer } from "./server-fixture.ts";

let server: TestServer;
let everybody: Account;
let directory: string;
beforeAll(async () => {
  server = await startTestServer();
  await seedPlatform(server.world.ledger.sql, SMALL_SIZES);
  everybody = await server.accountWith(...ALL);
  directory = await mkdtemp(path.join(tmpdir(), "holdfast-rest-"));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const at = (group: string): string => `${server.url}/api/v1/backup/${group}`;
const without = (permission: string) => ALL.filter((candidate) => candidate !== permission);
const backUp = (group: string, account: Account = everybody, ...args: string[]): Promise<Answer> =>
  curl(at(group), ...authorized(account), ...args);

/** What the file holds. */
async function opened({ body }: Answer, unlock?: Unlock) {
  const file = path.join(directory, "opened.db");
  await writeFile(file, body);
  const source = await tarSource(file);
  try {
    return await openArtifact(source, unlock);
  } finally {
    await source.close();
  }
}

const GROUPS = platformCatalog.groups.map((group) => ({
  ...group,
  path: group.name.toLowerCase(),
  permissions: [...new Set(group.entities.flatMap((entity) => entity.readPermissions))],
}));

describe("the file of a group", () => {
  it.each(GROUPS)(
    "$path has every entity of it, opt-in or not, and every row",
    async ({ path, entities }) => {
      const answer = await backUp(path);
      expect([answer.exitCode, answer.status]).toEqual([0, 200]);
      const { manifest } = await opened(answer);
      expect(manifest.entities.map(({ name }) => name)).toEqual(entities.map(({ name }) => name));
      const { sql } = server.world.ledger;
      for (const table of manifest.tables) {
        // Who has backed up is written there, before it is and after.
        if (table.name === "audit_logs") continue;
        const [row] = await sql.unsafe<{ count: string }[]>(`select count(*) from ${tableLabel(table)}`);
        expect([table.name, table.rows]).toEqual([table.name, Number(row?.count)]);
      }
    },
  );

  it("comes as an attachment of its name that nobody keeps", async () => {
    const { headers } = await backUp("auth");
    expect(Object.fromEntries(headers)).toMatchObject({
      "content-type": "application/octet-stream",
      "content-disposition": "attachment; filename=auth.db",
      "cache-control": "no-store",
      "transfer-encoding": "chunked",
      "x-content-type-options": "nosniff",
    });
  });

  it("is a tar that tar and zstd open", async () => {
    await writeFile(path.join(directory, "config.db"), (await backUp("config")).body);
    const names = shell("tar -tf config.db", directory).toString().trim().split("\n");
    expect(names[0]).toBe("holdfast.json");
    expect(names.slice(-2)).toEqual(["manifest.json", "index.json"]);
    const rows = shell(
      "tar -xOf config.db manifest.json | jq -r '.parts[].name' | xargs tar -xOf config.db | zstd -dc | wc -l",
      directory,
    );
    expect(Number(rows)).toBeGreaterThan(100);
  });

  it("is announced by HEAD, and not made for it", async () => {
    const reader = await server.accountWith("READ_AUDIT_LOGS");
    const { status, headers, body } = await backUp("audit", reader, "--head");
    expect([status, headers.get("content-disposition")]).toEqual([200, "attachment; filename=audit.db"]);
    expect(body.toString()).toMatch(/^HTTP\/1.1 200 OK[^]*\r\n\r\n$/);
    expect((await curl(at("audit"), "--head")).status).toBe(401);
    const begun = await server.world.ledger.sql`
      select from platform.audit_logs where action = 'backup.started' and actor = ${reader.username}`;
    expect(begun).toHaveLength(0);
  });
});

describe("encryption", () => {
  it("to a passphrase takes the header's text as UTF-8", async () => {
    const passphrase = "zażółć gęślą 日本";
    const answer = await backUp("auth", everybody, "-H", `Holdfast-Passphrase: ${passphrase}`);
    expect((await opened(answer, { passphrase })).header.encryption).toBe("PASSPHRASE");
    expect(answer.body.includes("manifest.json.age")).toBe(true);
    await expect(opened(answer, { passphrase: "another" })).rejects.toMatchObject({
      code: "WRONG_PASSPHRASE",
    });
  });

  it("to several recipients is opened by each of them", async () => {
    const [one, other] = [await generateIdentity(), await generateIdentity()];
    const answer = await curl(
      `${at("auth")}?recipient=${one.recipient}&recipient=${other.recipient}`,
      ...authorized(everybody),
    );
    for (const { identity } of [one, other])
      expect((await opened(answer, { identity })).header.encryption).toBe("RECIPIENTS");
  });

  const aRecipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

  it.each([
    [
      "a passphrase and a recipient",
      `?recipient=${aRecipient}`,
      ["-H", "Holdfast-Passphrase: x"],
      "BAD_INPUT",
    ],
    ["a recipient that is none", "?recipient=age1nonsense", [], "BAD_RECIPIENT"],
    ["one of two recipients that is none", `?recipient=${aRecipient}&recipient=x`, [], "BAD_RECIPIENT"],
    ["an empty recipient", "?recipient=", [], "BAD_RECIPIENT"],
    ["an empty passphrase", "", ["-H", "Holdfast-Passphrase;"], "BAD_INPUT"],
    [
      "a passphrase that is there twice",
      "",
      ["-H", "Holdfast-Passphrase: a", "-H", "Holdfast-Passphrase: b"],
      "BAD_INPUT",
    ],
    ["a parameter that is misspelt", `?recipients=${aRecipient}`, [], "BAD_INPUT"],
  ])("refuses %s, and sends nothing that is not encrypted", async (_, query, args, code) => {
    const answer = await curl(`${at("auth")}${query}`, ...authorized(everybody), ...args);
    expect([answer.status, answer.json.error?.code]).toEqual([400, code]);
    expect(answer.headers.get("content-type")).toBe("application/json");
  });

  it("refuses a passphrase that is not UTF-8", async () => {
    const answer = await fetch(at("auth"), {
      headers: { authorization: everybody.authorization, "holdfast-passphrase": "\u00ff" },
    });
    expect([answer.status, (await answer.json()).error.code]).toEqual([400, "BAD_INPUT"]);
  });
});

describe("what is refused", () => {
  it("an unknown group, naming those that there are; to nobody without a token", async () => {
    const answer = await backUp("nothing");
    expect([answer.status, answer.json.error?.code]).toEqual([404, "NOT_FOUND"]);
    expect(answer.json.error?.hint).toBe("The groups are auth, config, logs, workspace, audit.");
    expect((await backUp("AUTH")).status).toBe(404);
    expect((await curl(at("nothing"))).status).toBe(401);
  });

  it("other methods than GET", async () => {
    const answer = await backUp("auth", everybody, "-X", "POST");
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });

  it("a database that cannot be reached, as JSON and not as a file", async () => {
    await using other = await startTestServer({
      databaseUrl: () => "postgres://nobody@127.0.0.1:1/nothing",
    });
    const account = await other.accountWith(...ALL);
    const answer = await curl(`${other.url}/api/v1/backup/auth`, ...authorized(account));
    expect([answer.status, answer.json]).toMatchObject([
      503,
      { success: false, error: { code: "DATABASE_UNREACHABLE" } },
    ]);
    expect(answer.headers.has("content-disposition")).toBe(false);
  });
});

describe("permissions", () => {
  it.each(GROUPS)("$path takes $permissions, each of them, and no more", async ({ path, permissions }) => {
    const granted = await backUp(path, await server.accountWith(...permissions));
    expect([granted.exitCode, granted.status]).toEqual([0, 200]);
    expect((await opened(granted)).manifest.parts.length).toBeGreaterThan(0);
    for (const permission of permissions) {
      const refused = await backUp(path, await server.accountWith(...without(permission)));
      expect([refused.status, refused.json]).toMatchObject([
        403,
        { success: false, error: { code: "FORBIDDEN", message: expect.stringContaining(permission) } },
      ]);
      expect(refused.json.error?.details).toEqual({ missing: [permission] });
    }
  });

  it.each(GROUPS)("$path is refused without a good token, with what to send", async ({ path }) => {
    const attempts = [
      [],
      ["-H", "Authorization: Bearer"],
      ["-H", "Authorization: Bearer pat:nonsense"],
      ["-H", "Authorization: Basic YWRtaW46YWRtaW4="],
      ["-H", `Authorization: Bearer pat:hf_${"A".repeat(43)}`],
      ["-H", "Authorization: Bearer jwt:a.b.c"],
    ];
    for (const args of attempts) {
      const { status, headers, json } = await curl(at(path), ...args);
      expect([args, status, headers.get("www-authenticate")]).toEqual([args, 401, "Bearer"]);
      expect(json).toMatchObject({
        success: false,
        error: { code: "UNAUTHENTICATED", hint: expect.any(String) },
      });
    }
  });

  it("are those of a session or a personal access token, with or without its prefix, until it is revoked", async () => {
    const account = await server.accountWith("READ_ACLS");
    const jwt = account.authorization.replace("Bearer jwt:", "");
    const caller = await server.world.auth.authenticate(account.authorization);
    const { token, accessToken } = await server.world.auth.createToken(caller, { name: "script" });
    for (const credential of [`jwt:${jwt}`, jwt, `pat:${token}`, token]) {
      const answer = await curl(at("auth"), "-H", `Authorization: Bearer ${credential}`);
      expect([answer.exitCode, answer.status]).toEqual([0, 200]);
    }
    await server.world.auth.revokeToken(caller, accessToken.id);
    expect((await curl(at("auth"), "-H", `Authorization: Bearer pat:${token}`)).status).toBe(401);
  });
});

describe("the audit log", () => {
  it("says who backed up what from where, before and after, and no secret", async () => {
    const account = await server.accountWith("READ_ACLS");
    await backUp("auth", account, "-H", "Holdfast-Passphrase: the secret of this test");
    const find = () => server.world.ledger.sql<
      { action: string; ip: string; target: string; details: object }[]
    >`
      select action, ip, target, details from platform.audit_logs where actor = ${account.username}
        and action like 'backup.%' order by id`;
    await expect
      .poll(async () => (await find()).map(({ action }) => action))
      .toEqual(["backup.started", "backup.made"]);
    const [started, made] = await find();
    expect(started).toMatchObject({
      ip: "127.0.0.1",
      details: { entities: ["USERS", "ROLES", "GROUPS", "TOKENS"], encryption: "PASSPHRASE" },
    });
    expect(made).toMatchObject({ target: started?.target, details: { rows: expect.any(Number) } });
    expect(JSON.stringify(await find())).not.toContain("the secret");
    expect(JSON.stringify(server.logged)).not.toContain("the secret");
  });
});
