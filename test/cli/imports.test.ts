// What the command does about the time in which it starts.
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const IMPORTS = path.join(import.meta.dirname, "../../bin/imports.js");

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

async function run(...args: string[]): Promise<{ resolved: number; kinds: string[] }> {
  const options = { cwd: path.dirname(IMPORTS) };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "--eval", PROGRAM, ...args],
    options,
  );
  return JSON.parse(stdout) as { resolved: number; kinds: string[] };
}

it("the library of the database is imported without its hundreds of files being resolved one by one", async () => {
  const without = await run();
  const found = await run(IMPORTS);
  expect(without.resolved).toBeGreaterThan(100);
  expect(found).toEqual({ ...without, resolved: 0 });
});
