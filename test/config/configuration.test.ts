import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { readConfiguration } from "../../src/config/configuration.ts";
import { isHoldfastError, type HoldfastError } from "../../src/core/errors.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";

const DRIZZLE = path.join(import.meta.dirname, "../../node_modules/drizzle-orm");

let root: string;
let folders = 0;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "holdfast-config-"));
  await mkdir(path.join(root, "node_modules"));
  await symlink(DRIZZLE, path.join(root, "node_modules/drizzle-orm"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Writes files into a folder of their own, and gives its path. */
async function write(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = path.join(root, String((folders += 1)));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.join(folder, path.dirname(name)), { recursive: true });
    await writeFile(path.join(folder, name), text);
  }
  return folder;
}

/** Reads the first of the files as the configuration. */
async function read(files: Readonly<Record<string, string>>) {
  const [name = ""] = Object.keys(files);
  const configFile = path.join(await write(files), name);
  return readConfiguration({ configFile, dataDir: "/data" });
}

async function refusal(files: Readonly<Record<string, string>>): Promise<HoldfastError> {
  const error: unknown = await read(files).catch((thrown: unknown) => thrown);
  if (isHoldfastError(error, "CONFIG_INVALID")) return error;
  throw new Error(`it was not refused as it should be`, { cause: error });
}

const tablesOf = async (files: Readonly<Record<string, string>>) =>
  (await read(files)).catalog.entities
    .get("CUSTOMERS")
    ?.tables.map(({ schema, name }) => `${schema}.${name}`);

const CONFIG = `
  import { defineConfig, entity, stores } from "holdfast";
  import * as app from "./db/schema";
  export default defineConfig({
    databases: { app: { url: "postgres://db/app" } },
    groups: { people: { entities: { customers: entity({ tables: [app.customers, app.addresses] }) } } },
    stores: { here: stores.fs({ directory: "/backups" }) },
  });`;
const SCHEMA = `
  import { integer, pgSchema, pgTable } from "drizzle-orm/pg-core";
  import { kinds } from "./kinds.js";
  export enum Kind { Home, Work }
  export const customers = pgTable("customers", { id: integer().primaryKey() });
  export const addresses = pgSchema(kinds).table("addresses", { id: integer().primaryKey() });`;

describe("the configuration file", () => {
  it("imports holdfast from wherever that is, and a Drizzle schema as a bundler would take it", async () => {
    const files = {
      "holdfast.config.ts": CONFIG,
      "db/schema.ts": SCHEMA,
      "db/kinds.ts": `export const kinds: string = "shop";`,
    };
    expect(await tablesOf(files)).toEqual(["public.customers", "shop.addresses"]);
  });

  it.each(["ts", "mts", "js", "mjs"])("may be a .%s, also in a package of CommonJS", async (ending) => {
    const files = {
      [`holdfast.config.${ending}`]: `import { defineConfig, entity } from "holdfast";
        export default defineConfig({ groups: { g: { entities: { customers: entity({ tables: ["a"] }) } } } });`,
      "package.json": `{ "type": "commonjs" }`,
    };
    expect(await tablesOf(files)).toEqual(["public.a"]);
  });

  it("may export a promise of its configuration", async () => {
    const text = `export default (async () => ({ groups: { g: { entities: { customers: { tables: ["a"] } } } } }))();`;
    expect(await tablesOf({ "h.ts": text })).toEqual(["public.a"]);
    const { message } = await refusal({ "h.mts": `export default Promise.reject(new Error("no vault"));` });
    expect(message).toMatch(/h\.mts cannot be run: no vault \(\S+h\.mts:1:\d+\)/);
  });

  it("is looked for in the working directory, unless HOLDFAST_CONFIG names one", async () => {
    const plain = `export default { groups: { g: { entities: { customers: { tables: ["a"] } } } } };`;
    const folder = await write({ "holdfast.config.ts": plain });
    const before = process.cwd();
    onTestFinished(() => process.chdir(before));
    process.chdir(folder);
    const found = await readConfiguration({ configFile: undefined, dataDir: ".holdfast" });
    expect(found).toMatchObject({ file: "holdfast.config.ts" });
    expect(found.stores.get("local")).toEqual({
      kind: "fs",
      directory: path.join(folder, ".holdfast/store"),
    });
    await writeFile("holdfast.config.js", plain);
    const several = readConfiguration({ configFile: undefined, dataDir: ".holdfast" });
    await expect(several).rejects.toMatchObject({
      message: expect.stringContaining(".ts, holdfast.config.js"),
    });
  });

  it("need not be there: then the catalog is the built-in platform's", async () => {
    const before = process.cwd();
    onTestFinished(() => process.chdir(before));
    process.chdir(await write({ "readme.txt": "" }));
    const { file, catalog } = await readConfiguration({ configFile: undefined, dataDir: "d" });
    expect({ file, catalog }).toEqual({ file: undefined, catalog: platformCatalog });
  });

  it("is refused with the environment's variable where it is not there, or is nothing that runs", async () => {
    const configFile = path.join(root, "no.config.ts");
    const missing = readConfiguration({ configFile, dataDir: "d" });
    await expect(missing).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringMatching(/HOLDFAST_CONFIG: there is no/),
    });
    const folder = readConfiguration({ configFile: root, dataDir: "d" });
    await expect(folder).rejects.toMatchObject({
      message: expect.stringMatching(/is no file that Node can run/),
    });
  });
});

describe("a configuration file that cannot be run", () => {
  const said = async (text: string, name = "holdfast.config.ts") => {
    const { message } = await refusal({ [name]: text, "other.ts": "export const there = 1;\n\nthere = ;" });
    return message;
  };

  it("is named with the line that cannot be parsed", async () => {
    const text = `const a = 1;\nexport default { a: ; };`;
    expect(await said(text)).toMatch(
      /holdfast\.config\.ts cannot be run: .*\(\S+\/holdfast\.config\.ts:2\)$/,
    );
    expect(await said(text, "h.mjs")).toMatch(/h\.mjs cannot be run: .*\/h\.mjs:2\)$/);
    expect(await said(`import "./other.ts";\nexport default {};`)).toMatch(
      /cannot be run: .*\/other\.ts:3\)$/,
    );
  });

  it("is named with the line that throws", async () => {
    const text = `interface A { b: string }\nconst f = (): A => {\n  throw new Error("no such thing");\n};\nexport default f();`;
    expect(await said(text)).toMatch(/cannot be run: no such thing \(\S+\/holdfast\.config\.ts:3:9\)$/);
    expect(await said(`throw "a text";\nexport default {};`)).toMatch(/cannot be run: a text$/);
  });

  it("is named with what it imports that is not there, and how to mend it", async () => {
    const error = await refusal({ "h.ts": `import x from "no-such-package";\nexport default x;` });
    expect(error.message).toMatch(/Cannot find package 'no-such-package' imported from \S+\/h\.ts/);
    expect(error.hint).toMatch(/npm install/);
    expect(await said(`import { entitee } from "holdfast";\nexport default entitee;`)).toMatch(
      /does not provide an export named 'entitee' \(\S+holdfast\.config\.ts:1\)/,
    );
  });

  it("is told to export something where it does not", async () => {
    const { message, hint } = await refusal({ "h.ts": `export const config = {};` });
    expect(message).toMatch(/h\.ts has no default export/);
    expect(hint).toContain("export default defineConfig(");
  });
});
