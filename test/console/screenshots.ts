// Makes the pictures of docs/screenshots, on a stack of its own with made-up rows: `npm run screenshots`.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium, type Page } from "playwright-core";
import postgres from "postgres";
import { buildConsole } from "../../console/build/build.ts";
import { readEnvironment } from "../../src/config/environment.ts";
import { seedPlatform } from "../../src/platform/seed.ts";
import { DEMO_SIZES } from "../../src/platform/sizes.ts";
import { startStack } from "../../src/runtime/stack.ts";

const FOLDER = path.join(import.meta.dirname, "../../docs/screenshots");
const PASSWORD = "a password for pictures";
const NIGHTS = 16;

await buildConsole();
await using opened = new AsyncDisposableStack();
const dataDir = await mkdtemp(path.join(tmpdir(), "holdfast-screenshots-"));
opened.defer(() => rm(dataDir, { recursive: true, force: true }));
const stack = await startStack(
  readEnvironment({ HOLDFAST_DATA_DIR: dataDir, PORT: "0", HOLDFAST_ADMIN_PASSWORD: PASSWORD }),
  {},
);
opened.defer(() => stack.close());
const sql = postgres(stack.databaseUrl, { max: 1, onnotice: () => undefined });
opened.defer(() => sql.end());
await seedPlatform(sql, { ...DEMO_SIZES, logEntries: 20_000, auditLogs: 5_000 });

const session: { token?: string | undefined } = {};
async function ask(
  query: string,
  variables: object = {},
): Promise<Record<string, { id: string; token: string }>> {
  const response = await fetch(`${stack.url}/graphql`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(session.token && { authorization: `Bearer ${session.token}` }),
    },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors }: Awaited<ReturnType<typeof response.json>> = await response.json();
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return data;
}

session.token = (
  await ask(`mutation ($password: String!) { login(username: "admin", password: $password) { token } }`, {
    password: PASSWORD,
  })
)["login"]?.token;

const CREATE = "mutation ($input: ScheduleInput!) { createSchedule(input: $input) { id } }";
const retention = { keepLast: 3, keepDaily: 7, keepWeekly: 4 };
const nightly = await ask(CREATE, { input: { name: "nightly", cron: "30 2 * * *", retention } });
await ask(CREATE, { input: { name: "accounts, every hour", cron: "0 * * * *", groups: ["AUTH"] } });
const scheduleId = nightly["createSchedule"]?.id ?? "";

/** Backups of past nights: made now, one after the other, and then dated back. */
let backupId = "";
for (let night = NIGHTS; night > 0; night -= 1) {
  const { triggerSchedule } = await ask("mutation ($id: ID!) { triggerSchedule(id: $id) { id } }", {
    id: scheduleId,
  });
  backupId = triggerSchedule?.id ?? "";
  await ended(backupId);
  const age = `${night - 1} days ${night === 1 ? "3 hours" : "4 hours"}`;
  await sql`UPDATE holdfast.runs SET created_at = created_at - ${age}::interval,
    started_at = started_at - ${age}::interval, finished_at = finished_at - ${age}::interval WHERE id = ${backupId}`;
  await sql`INSERT INTO platform.log_entries (stream_id, level, message)
    SELECT stream_id, level, message FROM platform.log_entries LIMIT ${400 + night * 30}`;
}

async function ended(id: string): Promise<void> {
  for (;;) {
    const [run] = await sql`SELECT status FROM holdfast.runs WHERE id = ${id}`;
    if (run?.["status"] === "SUCCEEDED") return;
    if (run?.["status"] === "FAILED") throw new Error(`${id} has failed`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

// A disaster, and a restore that somebody looks at.
await sql`DELETE FROM platform.users WHERE username <> 'admin' AND hashtext(username) % 3 = 0`;
await sql`UPDATE platform.templates SET name = 'UNTITLED ' || left(id::text, 4) WHERE hashtext(id::text) % 4 = 0`;

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-background-networking"],
});
opened.defer(() => browser.close());
await mkdir(FOLDER, { recursive: true });

async function visit(colorScheme: "light" | "dark"): Promise<Page> {
  const page = await browser.newPage({
    viewport: { width: 1200, height: 860 },
    colorScheme,
    reducedMotion: "reduce",
  });
  await page.goto(stack.url);
  await page.getByLabel("User name").fill("admin");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Schedules" }).waitFor();
  return page;
}

async function picture(page: Page, name: string): Promise<void> {
  await page.waitForFunction(() => document.querySelector("[data-loading]") === null);
  await page.screenshot({ path: path.join(FOLDER, `${name}.png`) });
}

const page = await visit("light");
await page
  .getByRole("img", { name: /^Size of the last/ })
  .first()
  .waitFor();
await picture(page, "overview");

await page.goto(`${stack.url}/backups/${backupId}/restore`);
await page.getByRole("checkbox", { name: /^Users/ }).check({ force: true });
await page.getByRole("checkbox", { name: /^Templates/ }).check({ force: true });
await page.getByRole("button", { name: "Preview" }).click();
await page.getByRole("button", { name: /^Insert/ }).waitFor();
await page.getByText("Some of these rows of platform.templates", { exact: true }).click();
await picture(page, "restore");

await page.goto(`${stack.url}/schedules/${scheduleId}`);
await page.getByLabel("Daily").fill("4");
await page.getByRole("button", { name: "Preview" }).click();
await page.getByRole("region", { name: "What stays" }).scrollIntoViewIfNeeded();
await picture(page, "schedule");

const dark = await visit("dark");
await dark.goto(`${stack.url}/backups/${backupId}`);
await dark.getByRole("heading", { name: "Contents" }).waitFor();
await picture(dark, "backup-dark");
