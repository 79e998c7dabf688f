// What the console keeps people from doing by accident: locking themselves out, running into conflicts, and restoring what a
// stranger has made.
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { installationSigner } from "../../src/codec/signature.ts";
import {
  CHROMIUM,
  makeBackup,
  openConsole,
  REMARK,
  type TestConsole,
  writeForeign,
} from "./console-fixture.ts";

/** A machine that is busy with other tests takes its time. */
const PATIENT = { timeout: 60_000 };

let console: TestConsole;
beforeAll(async () => {
  if (CHROMIUM !== undefined) console = await openConsole();
});
afterEach(() => console?.closePages());
afterAll(() => console?.[Symbol.asyncDispose]());

/** Presses the button of a preview, and waits until it has been looked at. */
async function preview(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Preview" }).click();
  await page.getByRole("heading", { name: "What would change" }).waitFor();
}

function isOnTop(element: Element): boolean {
  const { x, y, height } = element.getBoundingClientRect();
  return element.contains(document.elementFromPoint(x + 5, y + height / 2));
}

describe.skipIf(CHROMIUM === undefined)(`the console${REMARK}`, () => {
  vi.setConfig({ testTimeout: 300_000 });

  it("foretells that a REPLACE of the accounts locks one out, and does it only for who ticks that", async () => {
    const id = await makeBackup(console, { entities: ["USERS"] });
    await console.addUser("latecomer", "*");
    const accounts = () => console.sql`SELECT 1 FROM platform.users WHERE username = 'latecomer'`;
    const { page } = await console.signedIn(`/backups/${id}/restore`, { username: "latecomer" });
    await page.getByRole("radio", { name: "Replace" }).check({ force: true });
    await preview(page);
    await page.getByText("This locks you out.").waitFor();
    await page.getByText("Your account would be gone.").waitFor();
    const deed = page.getByRole("main").getByRole("button", { name: /delete/i });
    expect(await deed.isDisabled()).toBe(true);
    const tick = page.getByRole("checkbox", { name: /^Somebody else can come in/ });
    await tick.check({ force: true });
    await tick.uncheck({ force: true });
    expect(await deed.isDisabled()).toBe(true);
    await deed.click({ force: true });
    expect(await page.getByRole("alertdialog").count()).toBe(0);
    const restores = "{ restores { edges { node { dryRun } } } }";
    expect(JSON.stringify(await console.ask(restores))).not.toContain('"dryRun":false');
    expect(await accounts()).toHaveLength(1);

    await tick.check({ force: true });
    await deed.click();
    const dialog = page.getByRole("alertdialog");
    await dialog.getByLabel("Name of the entity").fill("USERS");
    await dialog.getByRole("button", { name: /delete/i }).click();
    // It was done: whoever asked for it has to sign in again, and cannot.
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    expect(await accounts()).toHaveLength(0);
  });

  it("names the rows of a conflict, and offers the entity whose rows are missing", async () => {
    const spaces = await makeBackup(console, { entities: ["SPACES"] });
    const variables = await makeBackup(console, { entities: ["SPACES", "VARIABLES"] });
    const [space] = await console.sql`SELECT id, slug FROM platform.spaces ORDER BY id LIMIT 1`;
    const slug = String(space?.["slug"]);
    await console.sql`UPDATE platform.spaces SET slug = 'moved-away' WHERE slug = ${slug}`;
    const [newcomer] = await console.sql`
      INSERT INTO platform.spaces (slug, name) VALUES (${slug}, 'newcomer') RETURNING id`;
    const viewport = { width: 360, height: 740 };
    const { page } = await console.signedIn(`/backups/${spaces}/restore`, { viewport });
    await preview(page);
    // It is scrolled to, and nothing covers it.
    await expect
      .poll(() => page.getByRole("heading", { name: "What would change" }).evaluate(isOnTop), PATIENT)
      .toBe(true);
    await page.getByText("It cannot be put back like this.").waitFor();
    const conflicts = page.getByRole("region", { name: "Conflicts" });
    await conflicts
      .getByText(
        `id = ${String(space?.["id"])} and id = ${String(newcomer?.["id"])}, which is there now, cannot both have slug = ${slug}`,
      )
      .waitFor();
    expect(await page.getByRole("button", { name: /^(?:Insert|Update)/ }).count()).toBe(0);

    await console.sql`DELETE FROM platform.variables`;
    await console.sql`DELETE FROM platform.spaces`;
    await page.goto(`${console.url}/backups/${variables}/restore`);
    await page.getByRole("button", { name: "None", exact: true }).click();
    await page.getByRole("checkbox", { name: /^Variables/ }).check({ force: true });
    await preview(page);
    await conflicts
      .getByText(/platform\.variables: \d+ rows would refer to space_id = .* in platform\.spaces/)
      .waitFor();
    await conflicts.getByRole("button", { name: "Restore Spaces as well" }).click();
    await preview(page);
    await page.getByRole("button", { name: /^Insert \d+ rows/ }).click();
    await page.getByText("All of it is in place").waitFor();
  });

  it("trusts another server's key on its page: its backups are restored without further ado from then on", async () => {
    const signer = installationSigner("another server's secret");
    await using folder = await mkdtempDisposable(path.join(tmpdir(), "holdfast-foreign-"));
    const { page } = await console.signedIn("/backups/import");
    const file = await writeForeign(console, folder.path, signer);
    await page.getByLabel("File", { exact: true }).setInputFiles(file);
    await page.getByRole("button", { name: "Import", exact: true }).click();
    await page.getByRole("link", { name: /^Backup [0-9a-f]{8}$/ }).click();
    await page.getByText("By an unknown key").waitFor();
    await page.getByText(signer.publicKey).waitFor();
    const address = page.url();
    await console.sql`UPDATE platform.spaces SET name = 'damaged ' || name`;
    await page.getByRole("link", { name: "Restore…" }).click();
    await preview(page);
    const deed = page.getByRole("button", { name: /^Update \d+ rows/ });
    expect(await deed.isDisabled()).toBe(true);

    await page
      .getByText("It is signed by a key that is not trusted here.")
      .getByRole("link", { name: "Signing keys" })
      .click();
    await page.getByLabel("Whose it is").fill("the server in Vienna");
    await page.getByLabel("Public key").fill("no key");
    await page.getByRole("button", { name: "Trust the key" }).click();
    await page.getByRole("alert").getByText("BAD_INPUT").waitFor();
    await page.getByLabel("Public key").fill(signer.publicKey);
    await page.getByRole("button", { name: "Trust the key" }).click();
    await page.getByRole("region", { name: "the server in Vienna" }).getByText("Trusted").waitFor();

    await page.goto(address);
    await page.getByText("✓ By the server in Vienna").waitFor();
    await page.getByRole("link", { name: "Restore…" }).click();
    await preview(page);
    expect(await page.getByText("Nothing vouches for this backup.").count()).toBe(0);
    await deed.click();
    await page.getByText("All of it is in place").waitFor();
    await expect
      .poll(() => console.sql`SELECT 1 FROM platform.spaces WHERE name LIKE 'damaged%'`, PATIENT)
      .toHaveLength(0);
  });
});
