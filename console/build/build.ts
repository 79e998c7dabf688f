// Builds the console into console/dist, if its sources are not what was built last.
import { createHash } from "node:crypto";
import { chmod, glob, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { build } from "vite";

const CONSOLE = path.join(import.meta.dirname, "..");
const ROOT = path.join(CONSOLE, "..");
const DIST = path.join(CONSOLE, "dist");
/** In `dist`: of what it was built. */
const STAMP = "sources.sha256";

/** A build that is under way elsewhere is no matter: each makes its own folder, and puts it in place as a whole. */
export async function buildConsole(): Promise<void> {
  await import("./generate-types.ts");
  const hash = await hashSources();
  if ((await readFile(path.join(DIST, STAMP), "utf8").catch(() => "")) === hash) return;
  const draft = await mkdtemp(path.join(CONSOLE, "dist-draft-"));
  try {
    await asProduction(() =>
      build({ root: CONSOLE, logLevel: "warn", build: { outDir: draft, emptyOutDir: true } }),
    );
    await writeFile(path.join(draft, STAMP), hash);
    // Whoever builds it need not be who serves it.
    await chmod(draft, 0o755);
    await rename(DIST, `${draft}-before`).catch(() => undefined);
    await rename(draft, DIST).catch(async (error: unknown) => {
      // Another build was quicker.
      if ((await readFile(path.join(DIST, STAMP), "utf8").catch(() => "")) !== hash) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
    await rm(`${draft}-before`, { recursive: true, force: true });
  }
}

/** Where it says something else (in a test runner, say), React would be built as for development. */
async function asProduction(act: () => Promise<unknown>): Promise<void> {
  const before = process.env["NODE_ENV"];
  process.env["NODE_ENV"] = "production";
  try {
    await act();
  } finally {
    if (before === undefined) delete process.env["NODE_ENV"];
    else process.env["NODE_ENV"] = before;
  }
}

async function hashSources(): Promise<string> {
  const hash = createHash("sha256");
  const names = await Array.fromAsync(
    glob("**/*.{ts,tsx,css,html,svg,js}", {
      cwd: CONSOLE,
      exclude: ["dist*/**", "build/**", "graphql/schema-types.d.ts"],
    }),
  );
  for (const name of names.toSorted()) hash.update(name).update(await readFile(path.join(CONSOLE, name)));
  return hash.update(await readFile(path.join(ROOT, "package-lock.json"))).digest("hex");
}
