// Outlives the harness for a moment, however that ends: once its standard input is closed, it kills what the harness has
// started, unmounts what it has mounted and removes its directory. It is told of each by a line of JSON.
import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { readProcesses, treeOf, type ProcessEntry } from "./process-tree.ts";
import type { Charge } from "./warden.ts";

const run = promisify(execFile);

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);

const processes: ProcessEntry[] = [];
const mounts: string[] = [];
const directories: string[] = [];
for await (const line of createInterface({ input: process.stdin })) {
  const charge: Charge = JSON.parse(line);
  if ("pid" in charge) {
    // Its number may be another's by the time that it is killed; the moment of its start is not.
    const entry = (await readProcesses()).find(({ pid }) => pid === charge.pid);
    if (entry !== undefined) processes.push(entry);
  } else if ("mount" in charge) mounts.push(charge.mount);
  else directories.push(charge.directory);
}

const living = await readProcesses();
for (const { pid, startedAt } of processes) {
  if (!living.some((entry) => entry.pid === pid && entry.startedAt === startedAt)) continue;
  for (const member of treeOf(pid, living)) {
    try {
      process.kill(member, "SIGKILL");
    } catch {
      // It has just ended.
    }
  }
}
for (const mount of mounts) await run("umount", ["--lazy", mount]).catch(() => undefined);
for (const directory of directories)
  await rm(directory, { recursive: true, force: true, maxRetries: 10 }).catch(() => undefined);
