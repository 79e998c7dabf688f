// What holds for every page: that everybody can use it, on every screen, and that it speaks with nobody but its server.
import axeCore from "axe-core";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { CHROMIUM, makeBackup, openConsole, REMARK, signIn, type TestConsole } from "./console-fixture.ts";

const LONG =
  "a label that goes on and on, as labels do that a script has made: pre-deploy/2026-11-22T07:46:12.123456Z";

let console: TestConsole;
let addresses: readonly string[];
beforeAll(async () => {
  if (CHROMIUM === undefined) return;
  console = await openConsole();
  const backup = await makeBackup(console, { entities: ["VARIABLES", "SPACES"], label: LONG });
  const { startRestore } = await console.ask<{ startRestore: { id: string } }>(
    "mutation ($input: StartRestoreInput!) { startRestore(input: $input) { id } }",
    { input: { backupId: backup, dryRun: true } },
  );
  const { createSchedule } = await console.ask<{ createSchedule: { id: string } }>(
    "mutation ($input: ScheduleInput!) { createSchedule(input: $input) { id } }",
    { input: { name: "nightly", cron: "30 2 * * *", entities: ["SPACES"], retention: { keepLast: 3 } } },
  );
  await console.ask(`mutation { createToken(input: { name: "nightly script" }) { token } }`);
  addresses = [
    ...[
      "/",
      "/backups",
      "/backups/new",
      "/backups/import",
      `/backups/${backup}`,
      `/backups/${backup}/restore`,
    ],
    ...["/restores", `/restores/${startRestore.id}`, "/schedules", "/schedules/new"],
    ...[
      `/schedules/${createSchedule.id}`,
      "/stores",
      "/keys",
      "/notices",
      "/tokens",
      "/audit",
      "/account",
      "/no/such/page",
    ],
  ];
});
afterEach(() => console?.closePages());
afterAll(() => console?.[Symbol.asyncDispose]());

interface Finding {
  readonly rule: string;
  readonly impact: string;
  readonly nodes: readonly string[];
}

/** What axe finds that keeps somebody from using the page. */
async function findFaults(page: Page): Promise<Finding[]> {
  return page.evaluate(async () => {
    interface Axe {
      run(of: Document, options: object): Promise<{ violations: Violation[] }>;
    }
    interface Violation {
      readonly id: string;
      readonly impact: string;
      readonly nodes: readonly { readonly html: string }[];
    }
    const axe: Axe = Reflect.get(globalThis, "axe");
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, impact, nodes }) => ({ rule: id, impact, nodes: nodes.map(({ html }) => html) }));
  });
}

/** By a link of the page itself, so that nothing is loaded again. */
async function go(page: Page, address: string): Promise<void> {
  const before = await page.title();
  await page.evaluate((to) => history.pushState(null, "", to), address);
  if (new URL(page.url()).pathname !== address) throw new Error("it did not go there");
  await page.waitForFunction((title) => document.title !== title || location.pathname === "/", before);
  await page.getByRole("main").getByRole("heading", { level: 1 }).waitFor();
  await settle(page);
}

/** Until nothing is being loaded, and the answers are on the page. */
async function settle(page: Page): Promise<void> {
  await page.waitForFunction(() => document.querySelector("[data-loading]") === null);
  await page.waitForFunction(() =>
    document.getAnimations().every(({ playState }) => playState !== "running"),
  );
}

describe.skipIf(CHROMIUM === undefined)(`every page of the console${REMARK}`, () => {
  vi.setConfig({ testTimeout: 240_000 });

  it.each(["light", "dark"] as const)("has nothing serious that axe finds, in %s", async (colorScheme) => {
    const { page } = await console.newPage({ colorScheme });
    await page.goto(console.url);
    await page.evaluate(axeCore.source);
    expect(await findFaults(page)).toEqual([]);
    await signIn(page);
    const found: Record<string, Finding[]> = {};
    for (const address of addresses) {
      await go(page, address);
      const faults = await findFaults(page);
      if (faults.length > 0) found[address] = faults;
    }
    expect(found).toEqual({});
  });

  it("fits a screen of 360 pixels, and asks no other origin for anything", async () => {
    const { page, requested, complaints } = await console.signedIn("/", {
      viewport: { width: 360, height: 740 },
    });
    const wide: string[] = [];
    for (const address of addresses) {
      await go(page, address);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      if (width > 360) wide.push(`${address}: ${width}`);
    }
    expect(wide).toEqual([]);
    await page.getByRole("button", { name: "Menu" }).click();
    await page
      .getByRole("navigation", { name: "Main" })
      .getByRole("link", { name: "Stores", exact: true })
      .click();
    await page.getByRole("heading", { name: "Stores", level: 1 }).waitFor();
    expect(requested.filter((url) => new URL(url).origin !== console.url)).toEqual([]);
    // A breach of the Content-Security-Policy would be one.
    expect(complaints).toEqual([]);
  });

  it("follows the system's colours, or whichever one chooses, and keeps the choice", async () => {
    const { page } = await console.signedIn("/stores", { colorScheme: "dark" });
    const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const dark = await background();
    await page.getByRole("radio", { name: "Light" }).check({ force: true });
    await expect.poll(background, { timeout: 30_000 }).not.toBe(dark);
    const light = await background();
    await page.reload();
    await page.getByRole("heading", { name: "Stores", level: 1 }).waitFor();
    expect(await background()).toBe(light);
  });
});

describe.skipIf(CHROMIUM === undefined)(`the console's files${REMARK}`, () => {
  const get = (address: string, headers: Record<string, string> = {}) =>
    fetch(console.url + address, { headers: { accept: "text/html", ...headers } });

  it("load in less than 200 kB, the first page after signing in included", async () => {
    const { page } = await console.newPage();
    const answers = new Set<string>();
    const sizes: number[] = [];
    const session = await page.context().newCDPSession(page);
    await session.send("Network.enable");
    session.on("Network.requestWillBeSent", ({ requestId, request }) => {
      if (request.url.includes("/graphql")) answers.add(requestId);
    });
    session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
      if (!answers.has(requestId)) sizes.push(encodedDataLength);
    });
    await page.goto(console.url);
    await signIn(page);
    await settle(page);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    expect(total).toBeGreaterThan(50_000);
    expect(total).toBeLessThan(200_000);
  });

  it("allow nothing inline, no other origin and no frame around them", async () => {
    const { headers } = await get("/");
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*|data:/);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
  });

  it("are compressed, kept for ever where their name has a hash, and asked about where it has none", async () => {
    const index = await get("/");
    expect(index.headers.get("cache-control")).toBe("no-cache");
    const script = /src="(\/assets\/[^"]+\.js)"/.exec(await index.text())?.[1] ?? "";
    const plain = await get(script, { "accept-encoding": "identity" });
    expect(plain.headers.get("cache-control")).toContain("immutable");
    expect(plain.headers.get("content-encoding")).toBeNull();
    const text = Buffer.from(await plain.arrayBuffer());
    // fetch unpacks what it gets, and says so by leaving the header in place.
    const packed = await get(script, { "accept-encoding": "gzip, br" });
    expect(packed.headers.get("content-encoding")).toBe("br");
    expect(Buffer.from(await packed.arrayBuffer())).toEqual(text);
    expect(Number(packed.headers.get("content-length"))).toBeLessThan(text.length / 2);
    const again = await get("/", { "if-none-match": index.headers.get("etag") ?? "" });
    expect(again.status).toBe(304);
  });

  it("leave the API's addresses alone: a page is shown to whoever asks for one", async () => {
    expect(await (await get("/backups/anything")).text()).toContain("<title>Holdfast</title>");
    expect((await get("/api/v1/nothing")).status).toBe(404);
    expect((await get("/backups/anything", { accept: "application/json" })).status).toBe(404);
    expect((await get("/assets/nothing.js")).status).toBe(404);
    expect(await (await get("/graphql")).text()).toContain("GraphiQL");
  });
});
