// The log: what it must not say, and what it has to.
import { DrizzleQueryError } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import { readEnvironment } from "../../src/config/environment.ts";
import { readConfig } from "../../src/config/file/read.ts";
import { createLog } from "../../src/runtime/log.ts";
import { secretsOf } from "../../src/runtime/redaction.ts";
import { withLogContext } from "../../src/telemetry/log-context.ts";

function startLog(secrets: readonly string[] = []) {
  const lines: string[] = [];
  const log = createLog("trace", { write: (line) => void lines.push(line) }, secrets);
  /** The only line so far, which is JSON still. */
  const line = (): Record<string, unknown> => {
    expect(lines).toHaveLength(1);
    return JSON.parse(lines[0] ?? "");
  };
  return { log, lines, line };
}

/** Marked, and each in a form of its own. */
const MARK = "hunter2";
const PASSWORD = `${MARK}"p/\\w`;
const AGE_KEY = `AGE-SECRET-KEY-1${MARK.toUpperCase()}QQQQ`;
const JWT = `eyJhbGciOiJIUzI1NiJ9.${MARK}.c2lnbmF0dXJl`;

describe("a secret", () => {
  it.each<[string, unknown, string]>([
    ["in a header", { req: { headers: { authorization: `Bearer pat:${MARK}-and-more`, cookie: MARK } } }, ""],
    ["under its name, however deep", { a: { b: { c: { d: { passphrase: PASSWORD } } } } }, ""],
    ["at the end of a longer name", { old_password: MARK, secretAccessKey: MARK, HOLDFAST_TOKEN: MARK }, ""],
    ["in a list under its name", { identity: [MARK, AGE_KEY] }, ""],
    ["in JSON within a text", { body: JSON.stringify({ username: "ana", password: PASSWORD, n: 1 }) }, ""],
    [
      "in a GraphQL document",
      { query: `{ startBackup(encryption: { passphrase: ${JSON.stringify(PASSWORD)} }) }` },
      "",
    ],
    ["in a URL", { url: `postgres://me:${MARK}@db:5432/app` }, `cannot reach redis://:${MARK}@queue`],
    ["in a URL with a raw @", { url: `postgres://me:${MARK}@${MARK}@db/app` }, ""],
    ["in a query", {}, `GET /x?token=${MARK}&a=b and postgres://db/app?password=${MARK}`],
    ["in a message", {}, `refused: Bearer jwt:${JWT}, Bearer ${MARK}-${MARK}, pat:${MARK}hunter, ${JWT}`],
    ["as an age identity", { note: `# mine\n${AGE_KEY}\n` }, `${AGE_KEY} does not fit`],
    [
      "as a private key",
      { key: `-----BEGIN OPENSSH PRIVATE KEY-----\n${MARK}\n-----END OPENSSH PRIVATE KEY-----` },
      "",
    ],
    [
      "in an error",
      { err: new Error(`connect postgres://me:${MARK}@db`, { cause: new Error(`password=${MARK}`) }) },
      "",
    ],
    [
      "in a statement's parameters",
      { err: new DrizzleQueryError("select $1", [MARK], new Error("down")) },
      "",
    ],
  ])("is not written %s", (_, bindings, message) => {
    const { log, lines, line } = startLog();
    log.warn(bindings, message);
    expect(lines.join("").toLowerCase()).not.toContain(MARK);
    expect(line()["level"]).toBe(40);
  });

  it("of a child's own fields is not written either", () => {
    const { log, lines } = startLog();
    log.child({ token: MARK, runId: "7" }).info("taken up");
    expect(lines.join("")).not.toContain(MARK);
    expect(lines.join("")).toContain('"runId":"7"');
  });

  it("that the configuration holds is written nowhere, whatever stands around it", () => {
    const secrets: string[] = [];
    let count = 0;
    const secret = (extra = ""): string => {
      const value = `${MARK}-${count++}${extra}-padded-to-more-than-32-letters`;
      secrets.push(value);
      return value;
    };
    const environment = readEnvironment({
      HOLDFAST_DATABASE_URL: `postgres://me:${encodeURIComponent(secret("/@"))}@db/holdfast`,
      REDIS_URL: `redis://:${secret()}@queue`,
      APP_DATABASE_URL: `postgres://db/app?password=${secret()}`,
      HOLDFAST_SECRET_KEY: secret('"\\'),
      HOLDFAST_ADMIN_PASSWORD: secret(),
      HOLDFAST_PASSPHRASE: secret("é"),
      HOLDFAST_TOKEN: secret(),
    });
    const file = {
      databases: { app: { url: `postgres://me:${secret()}@db/app` } },
      stores: {
        far: { kind: "sftp", host: "h", username: "u", directory: "d", password: secret() },
        key: {
          ...{ kind: "sftp", host: "h", username: "u", directory: "d" },
          ...{ privateKeyFile: "k", privateKeyPassphrase: secret() },
        },
        cloud: {
          ...{ kind: "s3", bucket: "b", accessKeyId: "AKIA", secretAccessKey: secret() },
          sessionToken: secret(),
        },
      },
      notify: [
        { webhook: `https://chat.example.org/${secret()}`, secret: secret() },
        { smtp: `smtp://me:${secret()}@mail`, from: "a@b.c", to: "a@b.c" },
      ],
    };
    const configuration = readConfig(file, "file", ["local", { kind: "fs", directory: "store" }]);
    const { log, lines } = startLog(secretsOf(environment, configuration));
    expect(secrets).toHaveLength(15);
    for (const value of secrets) {
      log.info({ [`x ${value} y`]: [value], said: JSON.stringify({ value }) }, `before ${value} after`);
      log.info(`https://example.org/?q=${encodeURIComponent(value)}`);
      log.error(new Error(value));
    }
    expect(lines.filter((line) => line.includes(MARK))).toEqual([]);
    for (const line of lines) expect(() => JSON.parse(line)).not.toThrow();
  });
});

describe("what is no secret", () => {
  it("stays as it is", () => {
    const { log, line } = startLog(["ab"]);
    const said = {
      ...{
        runId: "72866ba3-5e94-4e00-83af-dc64ed728509",
        kind: "BACKUP",
        tokenId: "7",
        recipient: "age1qqqq",
      },
      ...{
        url: "postgres://db:5432/app",
        path: "/api/v1/tokens",
        at: "2026-11-22T10:00:00Z",
        store: "local",
      },
      fault: "HOLDFAST_ADMIN_PASSWORD: must have at least 8 characters",
    };
    log.info(said, 'a token of "ana"');
    expect(line()).toMatchObject({ ...said, msg: 'a token of "ana"' });
  });
});

describe("what is written for a request", () => {
  it("names it, however late, and nothing else does", async () => {
    const { log, lines } = startLog();
    const late = withLogContext({ requestId: "r-1" }, async () => {
      await Promise.resolve();
      log.child({ part: "deep" }).info("one");
    });
    log.info("two");
    await late;
    expect(lines.map((line) => [JSON.parse(line).msg, JSON.parse(line).requestId])).toEqual([
      ["two", undefined],
      ["one", "r-1"],
    ]);
  });
});
