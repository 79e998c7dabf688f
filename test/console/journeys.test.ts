// What people come to the console for, done as they do it: in a browser, against the whole stack.
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import {
  CHROMIUM,
  makeBackup,
  openConsole,
  PASSWORD,
  REMARK,
  signIn,
  type TestConsole,
  writeForeign,
} from "./console-fixture.ts";

/** A machine that is busy with other tests takes its time. */
const PATIENT = { timeout: 30_000 };
const PASSPHRASE = "correct horse battery staple";

let console: TestConsole;
beforeAll(async () => {
  if (CHROMIUM !== undefined) console = await openConsole();
});
afterEach(() => console?.closePages());
afterAll(() => console?.[Symbol.asyncDispose]());

/** Names the entities of a choice and leaves the others out. */
async function choose(page: Page, ...labels: readonly string[]): Promise<void> {
  await page.getByRole("button", { name: "None", exact: true }).click();
  for (const label of labels)
    await page.getByRole("checkbox", { name: new RegExp(`^${label}`) }).check({ force: true });
}

interface Failed {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

function fail(what: string): never {
  throw new Error(what);
}

const percentOf = async (page: Page): Promise<number> =>
  Number(await page.getByRole("progressbar").first().getAttribute("aria-valuenow"));

/** A row of the table of changes, as numbers in the order of its columns. */
async function countsOf(page: Page, table: string): Promise<number[]> {
  const cells = page.getByRole("row", { name: table }).getByRole("cell");
  return (await cells.allInnerTexts()).map((text) => Number.parseInt(text.replaceAll(",", ""), 10));
}

describe.skipIf(CHROMIUM === undefined)(`the console${REMARK}`, () => {
  vi.setConfig({ testTimeout: 180_000 });

  it("backs up before one's eyes, previews a restore, does exactly that, and shows both", async () => {
    const { page } = await console.signedIn("/backups/new");
    await page.getByLabel("Passphrase", { exact: true }).fill(PASSPHRASE);
    await page.getByLabel("The same again").fill(PASSPHRASE);
    await page.getByLabel("Label").fill("before the damage");
    console.gate.closeAfter(150_000);
    await page.getByRole("button", { name: /^Back up 11 entities/ }).click();
    // Its rows are held back at the gate: the bar has moved, and stands until they are let through.
    await expect.poll(() => percentOf(page), PATIENT).toBeGreaterThan(1);
    expect(await percentOf(page)).toBeLessThan(99);
    await page.getByText("Copying").first().waitFor();
    // Each table has a bar of its own.
    await page.getByRole("progressbar", { name: "platform.log_entries" }).waitFor();
    console.gate.open();
    await page.getByRole("main").getByText("Succeeded").first().waitFor();
    await page.getByRole("heading", { name: "before the damage" }).waitFor();
    await page
      .getByRole("row", { name: /platform\.log_entries/ })
      .getByText("2,000")
      .waitFor();

    await console.sql`DELETE FROM platform.tokens`;
    await console.sql`UPDATE platform.templates SET name = 'damaged ' || id`;
    const templates = await console.sql`SELECT 1 FROM platform.templates`;
    await page.getByRole("link", { name: "Restore…" }).click();
    await choose(page, "Templates with their versions");
    await page.getByLabel("Passphrase of the backup").fill(PASSPHRASE);
    await page.getByRole("button", { name: "Preview" }).click();
    await page.getByRole("heading", { name: "What would change" }).waitFor();
    expect(await countsOf(page, "platform.templates")).toEqual([0, templates.length, 0, 0]);
    await page.getByText("Some of these rows of platform.templates").click();
    await page
      .locator("del")
      .getByText(/^damaged/)
      .first()
      .waitFor();
    await page.getByRole("button", { name: `Update ${templates.length} rows` }).click();
    await page.getByText("All of it is in place").waitFor();
    expect(await countsOf(page, "platform.templates")).toEqual([0, templates.length, 0, 0]);
    await expect.poll(() => page.getByText("as previewed").count(), PATIENT).toBeGreaterThan(4);
    expect(await console.sql`SELECT 1 FROM platform.templates WHERE name LIKE 'damaged%'`).toHaveLength(0);
    // What was not chosen is as it was.
    expect(await console.sql`SELECT 1 FROM platform.tokens`).toHaveLength(0);
  });

  it("brings back one row alone, and replaces an entity only when its name has been typed", async () => {
    const id = await makeBackup(console, { entities: ["VARIABLES"] });
    const [first, second] = await console.sql`
      DELETE FROM platform.variables WHERE id IN (SELECT id FROM platform.variables ORDER BY id LIMIT 2) RETURNING id`;
    await console.sql`
      INSERT INTO platform.variables (space_id, name, value) SELECT space_id, 'later', value FROM platform.variables LIMIT 1`;
    const { page } = await console.signedIn(`/backups/${id}/restore`);
    await page.getByRole("radio", { name: "Some rows" }).check({ force: true });
    expect(await page.getByRole("radio", { name: "Replace" }).isDisabled()).toBe(true);
    await page.getByRole("button", { name: "Preview" }).click();
    await page.getByRole("alert").getByText("Say of every row which one it is").waitFor();
    await page.getByLabel("Key").fill(String(first?.["id"]));
    await page.getByRole("button", { name: "Preview" }).click();
    await page.getByRole("button", { name: "Insert 1 row" }).waitFor();
    // The address alone says which rows they are.
    await page.reload();
    expect(await page.getByLabel("Key").inputValue()).toBe(String(first?.["id"]));
    await page.getByRole("button", { name: "Insert 1 row" }).click();
    await page.getByText("All of it is in place").waitFor();
    await page.getByText(`key ${String(first?.["id"])}`).waitFor();
    expect(await console.sql`SELECT 1 FROM platform.variables WHERE id = ${second?.["id"]}`).toHaveLength(0);

    await page.goto(`${console.url}/backups/${id}/restore`);
    await page.getByRole("radio", { name: "Replace" }).check({ force: true });
    await page.getByRole("button", { name: "Preview" }).click();
    const words = "Insert 1 and delete 1 rows";
    await page.getByRole("button", { name: words }).click();
    const dialog = page.getByRole("alertdialog");
    const deed = dialog.getByRole("button", { name: words });
    expect(await deed.isDisabled()).toBe(true);
    await dialog.getByLabel("Name of the entity").fill("VARIABLE");
    expect(await deed.isDisabled()).toBe(true);
    await dialog.getByLabel("Name of the entity").fill("VARIABLES");
    await deed.click();
    await page.getByText("All of it is in place").waitFor();
    expect(await console.sql`SELECT 1 FROM platform.variables WHERE name = 'later'`).toHaveLength(0);
  });

  it("greys what the caller may not do, says what is missing, and leaves out the rest", async () => {
    await console.addUser("few", "READ_TEMPLATES", "READ_SPACES");
    const { page } = await console.signedIn("/backups/new", { username: "few" });
    const users = page.getByRole("checkbox", {
      name: /^Users with their roles and groups.*You need READ_ACLS/s,
    });
    expect(await users.isDisabled()).toBe(true);
    expect(await page.getByRole("checkbox", { name: /^Templates/ }).isChecked()).toBe(true);
    expect(await page.getByRole("link", { name: "Audit log" }).count()).toBe(0);
    await page.getByRole("link", { name: "Schedules" }).click();
    await page.getByText("MANAGE_BACKUPS").waitFor();

    // A backup that he may read and not restore, pin or delete.
    const id = await makeBackup(console, { entities: ["TEMPLATES", "SPACES"] });
    await page.goto(`${console.url}/backups/${id}`);
    await page.getByRole("button", { name: "Download" }).waitFor();
    expect(await page.getByRole("link", { name: "Restore…" }).count()).toBe(0);
    expect(await page.getByRole("button", { name: /Pin|Delete/ }).count()).toBe(0);
    // And one that is not for him at all.
    const other = await makeBackup(console, { entities: ["ROLES"] });
    await page.goto(`${console.url}/backups/${other}`);
    await page.getByRole("heading", { name: "There is no such backup" }).waitFor();
  });

  it("says of a run that failed what went wrong and what to do", async () => {
    const { page } = await console.signedIn("/backups/new");
    await choose(page, "Alerts");
    await page.getByRole("radio", { name: "Not at all" }).check({ force: true });
    await console.sql`ALTER TABLE platform.alerts RENAME TO alerts_elsewhere`;
    await page.getByRole("button", { name: /^Back up 1 entity/ }).click();
    const alert = page.getByRole("alert").filter({ hasText: "platform.alerts" });
    await alert.waitFor();
    const { backups } = await console.ask<{ backups: { edges: { node: { error: Failed } }[] } }>(
      "{ backups(first: 1) { edges { node { error { code message hint } } } } }",
    );
    const { code, message, hint } = backups.edges[0]?.node.error ?? fail("no backup");
    for (const said of [code, message, hint]) expect(await alert.innerText()).toContain(said);
    await console.sql`ALTER TABLE platform.alerts_elsewhere RENAME TO alerts`;
    await page.getByRole("link", { name: "Try again" }).click();
    await page.getByRole("button", { name: /^Back up 1 entity/ }).waitFor();
  });

  it("is live again after the server was gone, and shows what happened meanwhile", async () => {
    const { page } = await console.signedIn("/backups");
    await page.getByText("Live", { exact: true }).waitFor();
    await console.stop();
    await page.getByRole("status").getByText("The server does not answer").waitFor();
    await console.start();
    await makeBackup(console, { entities: ["ALERTS"], label: "while nobody looked" });
    await page.getByText("Live", { exact: true }).waitFor();
    await page.getByRole("link", { name: "while nobody looked" }).waitFor();
    expect(await page.getByText("The server does not answer").count()).toBe(0);
    // And what happens from now on comes by itself.
    await makeBackup(console, { entities: ["ALERTS"], label: "live as before" });
    await page.getByRole("link", { name: "live as before" }).waitFor();
  });

  it("imports what was downloaded, and what nobody has signed, which is restored only by who says so", async () => {
    const id = await makeBackup(console, { entities: ["SPACES"], label: "to take away" });
    const { page } = await console.signedIn(`/backups/${id}`);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download" }).click(),
    ]);
    expect(download.suggestedFilename()).toBe("to take away.holdfast.tar");
    expect(await download.failure()).toBeNull();
    expect(page.url()).toBe(`${console.url}/backups/${id}`);

    await page.getByRole("button", { name: "Delete…" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Delete the backup" }).click();
    await page.getByRole("heading", { name: "Backups", level: 1 }).waitFor();
    await page.getByRole("link", { name: "to take away" }).waitFor({ state: "detached" });
    await page.getByLabel("Which").selectOption("Deleted ones");
    await page.getByRole("row", { name: /to take away.*deleted/s }).waitFor();

    await page.getByRole("link", { name: "Import…" }).click();
    await page.getByLabel("File", { exact: true }).setInputFiles(await download.path());
    await page.getByRole("button", { name: "Import", exact: true }).click();
    await page.getByText("Imported, and listed with the others.").waitFor();
    await page.getByRole("button", { name: "Look", exact: true }).click();
    await page
      .getByRole("main")
      .getByText(/found, 0 of them new/)
      .waitFor();
    await page
      .getByRole("link", { name: /^Backup [0-9a-f]{8}$/ })
      .first()
      .click();
    await page.getByText("Imported", { exact: true }).waitFor();
    await page.getByText("By this Holdfast").waitFor();

    // What nobody has signed is restored only by who says so.
    await page.goto(`${console.url}/backups/import`);
    await using folder = await mkdtempDisposable(path.join(tmpdir(), "holdfast-unsigned-"));
    await page.getByLabel("File", { exact: true }).setInputFiles(await writeForeign(console, folder.path));
    await page.getByRole("button", { name: "Import", exact: true }).click();
    await page.getByRole("link", { name: /^Backup [0-9a-f]{8}$/ }).click();
    await page.getByText("By nobody").waitFor();
    await console.sql`UPDATE platform.spaces SET name = 'damaged ' || name`;
    await page.getByRole("link", { name: "Restore…" }).click();
    await page.getByRole("button", { name: "Preview" }).click();
    await page.getByText("Nothing vouches for this backup.").waitFor();
    const restore = page.getByRole("button", { name: /^Update \d+ rows/ });
    expect(await restore.isDisabled()).toBe(true);
    await page.getByRole("checkbox", { name: /^I know where it comes from/ }).check({ force: true });
    await restore.click();
    await page.getByText("All of it is in place").waitFor();
  });

  it("makes a token, shows it once, and revokes it", async () => {
    const { page } = await console.signedIn("/tokens");
    await page.getByLabel("Name").fill("nightly script");
    await page.getByRole("button", { name: "Make the token" }).click();
    const token = await page.getByTestId("token").innerText();
    const me = () =>
      fetch(`${console.url}/api/v1/auth/whoami`, { headers: { authorization: `Bearer ${token}` } });
    expect((await me()).status).toBe(200);
    await page.getByRole("button", { name: "Revoke nightly script" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Revoke" }).click();
    await page.getByRole("row", { name: "nightly script" }).waitFor({ state: "detached" });
    expect((await me()).status).toBe(401);
  });

  it("keeps schedules: the cron as a sentence, its next times, and what a policy would keep", async () => {
    const { page } = await console.signedIn("/schedules/new");
    await page.getByLabel("Name").fill("nightly spaces");
    await page.getByLabel("When", { exact: true }).fill("61 2 * * *");
    await page.getByRole("button", { name: "Make the schedule" }).click();
    await page.getByRole("alert").getByText("The times are not right").waitFor();
    await page.getByRole("button", { name: "Every night" }).click();
    await page.getByText("At 02:30").waitFor();
    expect(await page.getByRole("list", { name: "The next times" }).getByRole("listitem").count()).toBe(5);
    await choose(page, "Spaces");
    await page.getByLabel("Newest").fill("1");
    await page.getByRole("button", { name: "Make the schedule" }).click();
    await page.getByRole("region", { name: "nightly spaces" }).getByText("Keeps the newest 1").waitFor();

    await page.getByRole("button", { name: "Back up now" }).click();
    await page.getByRole("main").getByText("Succeeded").first().waitFor();
    await page.getByRole("link", { name: "nightly spaces" }).click();
    await page.getByRole("button", { name: "Preview" }).click();
    const calendar = page.getByRole("region", { name: "What stays" });
    await calendar.getByText("1 would stay, 0 would go.").waitFor();
    await calendar.getByRole("cell", { name: "1 stays" }).waitFor();

    await page.goto(`${console.url}/backups`);
    await page.getByLabel("Schedule").selectOption("nightly spaces");
    await page.getByText("1 backup", { exact: true }).waitFor();
    await page.getByRole("combobox", { name: "Label" }).fill("no such label");
    await page.getByText("No backup is like this.").waitFor();
    await page.getByRole("link", { name: "Show all" }).click();
    await page.getByText(/^\d+ backups/).waitFor();
  });

  it("ends the session where one signs out, and asks again for whoever's session has ended", async () => {
    const { page } = await console.signedIn("/stores");
    await page.getByRole("button", { name: "Check local" }).click();
    await page.getByText("It takes what it is given").waitFor();
    const kept = await page.evaluate(() => JSON.parse(sessionStorage.getItem("holdfast.session") ?? "null"));
    const authorization = `Bearer ${String(Reflect.get(Object(kept), "token"))}`;
    const me = () => fetch(`${console.url}/api/v1/auth/whoami`, { headers: { authorization } });
    expect((await me()).status).toBe(200);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByText("You are signed out.").waitFor();
    expect((await me()).status).toBe(401);

    await signIn(page);
    await page.getByRole("heading", { name: "Stores" }).waitFor();
    await console.sql`UPDATE holdfast.sessions SET ended_at = now() WHERE ended_at IS NULL`;
    // Whoever looks on is told without asking: the stream of events ends.
    await page.getByText("Your session has ended.").waitFor();
    await signIn(page);
    await page.getByRole("heading", { name: "Stores" }).waitFor();
  });

  it("can be used with the keyboard alone", async () => {
    const { page } = await console.newPage();
    await page.goto(`${console.url}/backups`);
    // The cursor is in the first field already.
    await page.getByLabel("User name").waitFor();
    await page.keyboard.type("admin");
    await page.keyboard.press("Tab");
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Backups", level: 1 }).waitFor();
    const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() ?? "");
    const tabTo = async (text: string | RegExp): Promise<void> => {
      for (let presses = 0; presses < 80; presses += 1) {
        await page.keyboard.press("Tab");
        const name = await focused();
        if (typeof text === "string" ? name === text : text.test(name)) return;
      }
      throw new Error(`nothing that says ${String(text)} takes the focus`);
    };
    await tabTo("Skip to the content");
    await page.keyboard.press("Enter");
    await tabTo("New backup");
    await page.keyboard.press("Enter");
    // The new page's heading has the focus: what comes next is what stands there.
    await expect.poll(focused, PATIENT).toBe("New backup");
    await tabTo("None");
    await page.keyboard.press("Space");
    for (let presses = 0; presses < 20; presses += 1) {
      await page.keyboard.press("Tab");
      const label = await page.evaluate(() => document.activeElement?.closest("label")?.textContent ?? "");
      if (label.startsWith("Alerts")) break;
    }
    await page.keyboard.press("Space");
    for (let presses = 0; presses < 20; presses += 1) {
      await page.keyboard.press("Tab");
      if (await page.evaluate(() => document.activeElement?.getAttribute("type") === "radio")) break;
    }
    await page.keyboard.press("ArrowUp");
    expect(await page.getByRole("radio", { name: "Not at all" }).isChecked()).toBe(true);
    await tabTo(/^Back up 1 entity/);
    await page.keyboard.press("Enter");
    await page.getByRole("main").getByText("Succeeded").first().waitFor();
    await page.getByRole("row", { name: /platform\.alerts/ }).waitFor();
  });
});
