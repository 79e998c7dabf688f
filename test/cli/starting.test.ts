// What the command does about the time in which it starts.
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const BIN = path.join(import.meta.dirname, "../../bin");
const IMPORTS = path.join(BIN, "imports.js");

/** Counts what is left for Node to resolve between a library's files. */
const PROGRAM = `
  import { registerHooks } from "node:module";
  let resolved = 0;
  registerHooks({
    resolve(specifier, context, nextResolve) {
      if (context.parentURL?.includes("/node_modules/drizzle-orm/") && specifier.startsWith(".")) resolved += 1;
      return nextResolve(specifier, context);
    },
  });
  if (process.argv[1] !== undefined) await import(process.argv[1]);
  const { sql } = await import("drizzle-orm");
  const { drizzle } = await import("drizzle-orm/postgres-js");
  console.log(JSON.stringify({ resolved, kinds: [typeof sql, typeof drizzle] }));
`;

async function evaluate(program: string, args: string[] = [], env = process.env): Promise<string> {
  const options = { cwd: BIN, env };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "--eval", program, ...args],
    options,
  );
  return stdout.trim();
}

const run = async (...args: string[]) =>
  JSON.parse(await evaluate(PROGRAM, args)) as { resolved: number; kinds: string[] };

it("the library of the database is imported without its hundreds of files being resolved one by one", async () => {
  const without = await run();
  const found = await run(IMPORTS);
  expect(without.resolved).toBeGreaterThan(100);
  expect(found).toEqual({ ...without, resolved: 0 });
});

it("what was compiled is kept below the home of the account, whatever HOME says, or where NODE_COMPILE_CACHE says", async () => {
  const program = `
    import { getCompileCacheDir } from "node:module";
    import { keepCompiled } from "./compile-cache.js";
    keepCompiled();
    console.log(getCompileCacheDir());`;
  const keptAt = async (env: NodeJS.ProcessEnv) => path.dirname(await evaluate(program, [], env));
  expect(await keptAt({ HOME: "/nowhere" })).toBe(path.join(userInfo().homedir, ".cache/holdfast"));
  const elsewhere = await mkdtemp(path.join(tmpdir(), "holdfast-compiled-"));
  expect(await keptAt({ NODE_COMPILE_CACHE: elsewhere })).toBe(elsewhere);
  expect(await evaluate(program, [], { NODE_DISABLE_COMPILE_CACHE: "1" })).toBe("undefined");
  await rm(elsewhere, { recursive: true });
});
