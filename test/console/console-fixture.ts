// The console as its users have it: the whole stack with a worker on a database of its own, and Debian's Chromium in front.
import { randomUUID } from "node:crypto";
import { accessSync, constants, createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { finished } from "node:stream/promises";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import postgres, { type Sql } from "postgres";
import { buildConsole } from "../../console/build/build.ts";
import { hashPassword } from "../../src/auth/passwords.ts";
import type { Signer } from "../../src/codec/signature.ts";
import { readEnvironment } from "../../src/config/environment.ts";
import { entityNamed } from "../../src/core/catalog.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";
import { tarSink } from "../../src/engine/artifact-io.ts";
import { backup } from "../../src/engine/backup.ts";
import { seedPlatform, SMALL_SIZES } from "../../src/platform/seed.ts";
import { startStack } from "../../src/runtime/stack.ts";
import { ask } from "../http/server-fixture.ts";
import { createDatabase } from "../support/postgres.ts";
import { openGate, type Gate } from "./gate.ts";

const CANDIDATES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Where Chromium is; undefined where there is none, and then these tests are skipped. */
export const CHROMIUM = CANDIDATES.find((candidate) => {
  try {
    accessSync(candidate, constants.X_OK);
    return true;
  } catch {
    return false;
  }
});

/** At the end of what a describe is called, so that whoever reads the report knows why nothing was tested. */
export const REMARK =
  CHROMIUM === undefined ? " (skipped: Chromium is not installed; apt-get install chromium)" : "";

export interface TestConsole extends AsyncDisposable {
  readonly url: string;
  readonly sql: Sql;
  readonly gate: Gate;
  readonly browser: Browser;
  /** A page of a browser session of its own, closed with the console. */
  newPage(options?: BrowserContextOptions): Promise<Watched>;
  /** A page that is signed in, at an address. */
  signedIn(address: string, options?: SignedInOptions): Promise<Watched>;
  addUser(username: string, ...permissions: readonly string[]): Promise<void>;
  /** What a GraphQL document answers to the first account. */
  ask<T>(query: string, variables?: object): Promise<T>;
  /** Ends every browser session. */
  closePages(): Promise<void>;
  stop(): Promise<void>;
  /** On the same port. */
  start(): Promise<void>;
}

interface SignedInOptions extends BrowserContextOptions {
  readonly username?: string;
}

export interface Watched {
  readonly page: Page;
  /** Every address that was asked for. */
  readonly requested: string[];
  /** What the browser complained of: errors of scripts, breaches of the Content-Security-Policy. */
  readonly complaints: string[];
}

export const PASSWORD = "a password of the test";

export async function openConsole(): Promise<TestConsole> {
  await using opened = new AsyncDisposableStack();
  // Its sources may have changed since it was built.
  await buildConsole();
  const database = opened.use(await createDatabase());
  const gate = opened.use(await openGate(database.url));
  const dataDir = await mkdtemp(path.join(tmpdir(), "holdfast-console-"));
  opened.defer(() => rm(dataDir, { recursive: true, force: true }));
  const sql = postgres(database.url, { max: 2, onnotice: () => undefined });
  opened.defer(() => sql.end());
  const launch = (port: number) =>
    startStack(
      readEnvironment({
        HOLDFAST_DATABASE_URL: gate.url,
        HOLDFAST_DATA_DIR: dataDir,
        HOLDFAST_ADMIN_PASSWORD: PASSWORD,
        REDIS_URL: process.env["REDIS_URL"],
        PORT: String(port),
      }),
      {},
    );
  let stack = await launch(0);
  let running = true;
  const stop = async (): Promise<void> => {
    if (running) await stack.close();
    running = false;
  };
  opened.defer(stop);
  await seedPlatform(sql, SMALL_SIZES);
  const browser = await chromium.launch({
    executablePath: CHROMIUM ?? "",
    args: ["--no-sandbox", "--disable-background-networking", "--disable-dev-shm-usage"],
  });
  opened.defer(() => browser.close());

  const { url } = stack;
  const passwordHash = await hashPassword(PASSWORD);
  const newPage = async (options: BrowserContextOptions = {}): Promise<Watched> => {
    const context = await browser.newContext({ reducedMotion: "reduce", ...options });
    const page = await context.newPage();
    // A machine that is busy with other tests takes its time.
    page.setDefaultTimeout(60_000);
    const requested: string[] = [];
    const complaints: string[] = [];
    page.on("request", (request) => requested.push(request.url()));
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    return { page, requested, complaints };
  };
  let token: string | undefined;
  const closing = opened.move();
  return {
    url,
    sql,
    gate,
    browser,
    newPage,
    async signedIn(address, { username = "admin", ...options } = {}) {
      const watched = await newPage(options);
      await watched.page.goto(url + address);
      await signIn(watched.page, username);
      return watched;
    },
    async addUser(username, ...permissions) {
      await sql`
        WITH account AS (
          INSERT INTO platform.users (username, password_hash) VALUES (${username}, ${passwordHash}) RETURNING id),
        role AS (
          INSERT INTO platform.roles (name, permissions) VALUES (${`role of ${username}`}, ${permissions}) RETURNING id)
        INSERT INTO platform.user_roles (user_id, role_id) SELECT account.id, role.id FROM account, role`;
    },
    async ask<T>(query: string, variables: object = {}): Promise<T> {
      if (token === undefined) {
        const { data } = await ask<{ login: { token: string } }>(
          url,
          'mutation ($password: String!) { login(username: "admin", password: $password) { token } }',
          { variables: { password: PASSWORD } },
        );
        token = data?.login.token;
      }
      const { data, errors } = await ask<T>(url, query, { variables, authorization: `Bearer ${token}` });
      if (data == null) throw new Error(JSON.stringify(errors));
      return data;
    },
    async closePages() {
      for (const context of browser.contexts()) await context.close();
    },
    stop,
    async start() {
      stack = await launch(Number(new URL(url).port));
      running = true;
    },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

/** A file with a backup of the spaces that this server has not made. @param signer left out: nobody has signed it */
export async function writeForeign({ gate }: TestConsole, folder: string, signer?: Signer): Promise<string> {
  const file = path.join(folder, "foreign.tar");
  const stream = createWriteStream(file);
  const createdAt = new Date();
  const encryption = { kind: "NONE" } as const;
  await backup(
    { databaseUrl: () => gate.url, sink: tarSink(stream, createdAt) },
    {
      ...{ artifactId: randomUUID(), createdAt, encryption, signer },
      entities: [entityNamed(platformCatalog, "SPACES")],
    },
    { signal: new AbortController().signal, onProgress: () => undefined },
  );
  stream.end();
  await finished(stream);
  return file;
}

export async function signIn(page: Page, username = "admin"): Promise<void> {
  await page.getByLabel("User name").fill(username);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.getByRole("main").getByRole("heading", { level: 1 }).filter({ hasNotText: "Sign in" }).waitFor();
}

/** Makes a backup through the API, and waits for its end. */
export async function makeBackup(console: TestConsole, input: object): Promise<string> {
  const { startBackup } = await console.ask<{ startBackup: { id: string } }>(
    "mutation ($input: StartBackupInput!) { startBackup(input: $input) { id } }",
    { input },
  );
  for (;;) {
    const { backup } = await console.ask<{ backup: { status: string; error: unknown } }>(
      "query ($id: ID!) { backup(id: $id) { status error { message } } }",
      { id: startBackup.id },
    );
    if (backup.status === "SUCCEEDED") return startBackup.id;
    if (backup.status === "FAILED") throw new Error(JSON.stringify(backup.error));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
