// The package as npm packs it, installed into an empty folder: what its users get.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const ROOT = path.join(import.meta.dirname, "../..");
const PACKAGED = ["CHANGELOG.md", "LICENSE", "README.md", "bin", "dist", "docs", "package.json"];
const run = promisify(execFile);
/** Each command is a process of its own. */
const PATIENT = { timeout: 200_000 };

describe("the package that npm packs", () => {
  let directory: string;
  let work: string;
  /** Node 24 comes first, as `#!/usr/bin/env node` looks for it; nothing of the repository is in the way. */
  const environment = (): NodeJS.ProcessEnv => ({
    PATH: `${path.join(directory, "node_modules/.bin")}:${path.dirname(process.execPath)}:${process.env["PATH"]}`,
    HOME: work,
    LANG: "C.UTF-8",
  });
  const holdfast = async (...args: readonly string[]) => {
    const { stdout } = await run("holdfast", args, { cwd: work, env: environment() });
    return stdout;
  };

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "holdfast-package-"));
    work = path.join(directory, "work");
    await mkdir(work);
    const packed = await run("npm", ["pack", "--json", "--silent", "--pack-destination", directory], {
      cwd: ROOT,
    });
    const file = /"filename": "(.+?)"/.exec(packed.stdout)?.[1] ?? "";
    await writeFile(path.join(directory, "package.json"), '{ "private": true }\n');
    const install = ["install", path.join(directory, path.basename(file)), "--omit=dev", "--prefer-offline"];
    await run("npm", [...install, "--no-audit", "--no-fund"], { cwd: directory });
  }, 400_000);

  afterAll(() => rm(directory, { recursive: true, force: true }));

  it("has the command, and nothing of the sources or the tests", async () => {
    const manifest = await readFile(path.join(ROOT, "package.json"), "utf8");
    expect(await holdfast("--version")).toBe(`${/"version": "(.+?)"/.exec(manifest)?.[1]}\n`);
    const installed = path.join(directory, "node_modules/holdfast");
    expect((await readdir(installed)).toSorted()).toEqual(PACKAGED);
  });

  it("has types for a configuration file, which finds the package from wherever it is", PATIENT, async () => {
    const config = (database: string) => `import { defineConfig, entity, stores } from "holdfast";
      export default defineConfig({
        databases: { app: { url: "postgres://127.0.0.1:1/app" } },
        groups: { people: { entities: { customers: entity({ database: "${database}", tables: ["customers"] }) } } },
        stores: { near: stores.fs({ directory: "near" }) },
      });`;
    const project = path.join(work, "configured");
    await mkdir(project);
    await writeFile(path.join(project, "holdfast.config.ts"), config("app"));
    await writeFile(path.join(project, "wrong.ts"), config("ap"));
    const tsc = [path.join(ROOT, "node_modules/.bin/tsc"), "--noEmit", "--strict", "--module", "nodenext"];
    const checked = run(process.execPath, [...tsc, "holdfast.config.ts", "wrong.ts"], { cwd: project });
    // One error, of one file: the other has none.
    const stdout = expect.stringMatching(/^wrong\.ts\(4,\d+\): [^(]*"ap".*"app"[^(]*$/);
    await expect(checked).rejects.toMatchObject({ stdout });

    const outside = await mkdtemp(path.join(tmpdir(), "holdfast-outside-"));
    await writeFile(path.join(outside, "holdfast.config.ts"), config("app"));
    const refused = run("holdfast", ["backup", "--output", "x", "--entities", "customers"], {
      cwd: outside,
      env: environment(),
    });
    await expect(refused).rejects.toMatchObject({
      stderr: expect.stringContaining("error[DATABASE_UNREACHABLE]: The database app cannot be reached"),
    });
    await rm(outside, { recursive: true });
  });

  it("backs up and restores with a database of its own", PATIENT, async () => {
    await holdfast("migrate");
    const made = JSON.parse(await holdfast("backup", "--output", "backup.tar", "--json"));
    expect(made).toMatchObject({ entities: expect.arrayContaining(["USERS", "VARIABLES"]) });
    await rm(path.join(work, ".holdfast"), { recursive: true });
    const restored = JSON.parse(await holdfast("restore", "--input", "backup.tar", "--json"));
    expect(restored.changes).toContainEqual(expect.objectContaining({ table: "platform.users" }));
  });
});
