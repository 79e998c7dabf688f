// Commands beside a configuration file, each as a process of its own.
import { readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createConfiguredWorld, hashesOf, type ConfiguredWorld } from "../runtime/configured-world.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";
import { cli, runCli, type CliOptions } from "./run-cli.ts";

let world: ConfiguredWorld;
let own: TestDatabase;
beforeAll(async () => {
  world = await createConfiguredWorld();
  own = await createDatabase({ migrated: true });
});
afterAll(async () => {
  await own?.drop();
  await world?.[Symbol.asyncDispose]();
});

const here = (env: Readonly<Record<string, string>> = {}): CliOptions => ({
  cwd: world.directory,
  env: { APP_DATABASE_URL: world.appUrl, LOGS_DATABASE_URL: world.logsUrl, ...env },
});

describe("a command beside a configuration file", { timeout: 120_000 }, () => {
  it("backs up and restores what the file names, though nothing of Holdfast's own is there", async () => {
    const before = await hashesOf(world);
    const selection = ["--entities", "customers,orderLines", "--groups", "logs"];
    const made = await cli(["backup", ...selection, "--output", "app.tar", "--json"], here());
    expect(JSON.parse(made.stdout)).toMatchObject({
      entities: ["CUSTOMERS", "ORDER_LINES", "EVENTS"],
      rows: 170,
    });
    await world.app`DELETE FROM shop."Order.Lines"`;
    await world.logs`DELETE FROM events WHERE what LIKE '%3'`;
    await cli(["restore", "--input", "app.tar", "--yes"], here());
    expect(await hashesOf(world)).toEqual(before);
    expect(await readdir(world.directory)).not.toContain(".holdfast");
  });

  it("keeps a file for each group of the file, and of Holdfast's own", async () => {
    const env = { HOLDFAST_DATABASE_URL: own.url };
    await cli(["admin", "backup", "--backup-dir", "groups", "--quiet"], here(env));
    const files = ["audit.db", "auth.db", "log.db", "people.db"];
    expect((await readdir(path.join(world.directory, "groups"))).toSorted()).toEqual(files);
    const before = await hashesOf(world);
    await world.app`UPDATE customers SET name = 'somebody'`;
    await cli(["admin", "restore", "--backup-dir", "groups", "--yes", "--quiet"], here(env));
    expect(await hashesOf(world)).toEqual(before);
  });

  it("is refused with every fault of the file, each with its key", async () => {
    const config = `export default { databases: { app: { url: process.env.APP_DATABASE_URL } }, groups: { people: {
      entities: { customers: { tables: ["customer"] }, orders: { tables: ["shop.orders"] } } } } };`;
    await writeFile(path.join(world.directory, "wrong.config.mjs"), config);
    const env = { HOLDFAST_CONFIG: "wrong.config.mjs" };
    const { code, stderr } = await runCli(["backup", "--groups", "people", "--output", "no.tar"], here(env));
    expect(code).toBe(1);
    expect(stderr.split("\n")).toEqual([
      "error[CONFIG_INVALID]: wrong.config.mjs is not valid:",
      "groups.people.entities.customers.tables[0]: there is no table public.customer in the database app; did you mean public.customers?",
      'groups.people.entities.orders.tables[0]: there is no table shop.orders in the database app; there are public.customers, shop."Order.Lines"',
      expect.stringMatching(/^hint: /),
      "",
    ]);
    expect(await readdir(world.directory)).not.toContain("no.tar");
  });
});
