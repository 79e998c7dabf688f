// `holdfast serve` as a process, on a database of its own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { COMMAND } from "../support/command.ts";
import { createDatabase } from "../support/postgres.ts";

export interface ServeProcess extends AsyncDisposable {
  readonly url: string;
  readonly databaseUrl: string;
  readonly dataDir: string;
  /** Of the account `admin`. */
  readonly password: string;
  /** By how many bytes its memory has been larger, at most, than at the beginning of the act. */
  growthDuring(act: () => Promise<unknown>): Promise<number>;
}

export async function startServe(...args: string[]): Promise<ServeProcess> {
  await using opened = new AsyncDisposableStack();
  const database = opened.use(await createDatabase());
  const dataDir = await mkdtemp(path.join(tmpdir(), "holdfast-serve-"));
  opened.defer(() => rm(dataDir, { recursive: true, force: true }));
  const password = "a password of the test";
  const child = spawn(process.execPath, [COMMAND, "serve", "--port", "0", ...args], {
    env: {
      ...process.env,
      HOLDFAST_DATABASE_URL: database.url,
      HOLDFAST_DATA_DIR: dataDir,
      HOLDFAST_ADMIN_PASSWORD: password,
      LOG_LEVEL: "error",
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  opened.defer(async () => {
    if (child.exitCode !== null) return;
    child.kill("SIGINT");
    await once(child, "close");
  });
  let shown = "";
  for await (const chunk of child.stdout) {
    shown += String(chunk);
    if (shown.includes("Ctrl-C stops it")) break;
  }
  const url = /http:\/\/[\d.]+:\d+/.exec(shown)?.[0];
  if (url === undefined) throw new Error(`serve did not start: ${shown}`);
  const memory = async (kind: "VmRSS" | "VmHWM"): Promise<number> => {
    const status = await readFile(`/proc/${child.pid}/status`, "utf8");
    return 1024 * Number(new RegExp(`${kind}:\\s+(\\d+) kB`).exec(status)?.[1]);
  };
  const closing = opened.move();
  return {
    url,
    databaseUrl: database.url,
    dataDir,
    password,
    async growthDuring(act) {
      // Forgets the peak so far (https://docs.kernel.org/filesystems/proc.html).
      await writeFile(`/proc/${child.pid}/clear_refs`, "5");
      const before = await memory("VmRSS");
      await act();
      return (await memory("VmHWM")) - before;
    },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}
