// Sees to it that nothing of the harness outlives it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";

/** What has to be gone when the harness has ended. */
export type Charge = { readonly pid: number } | { readonly mount: string } | { readonly directory: string };

export interface Warden extends AsyncDisposable {
  watch(charge: Charge): void;
}

/** Disposing of it removes everything at once. */
export function startWarden(): Warden {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, "warden-process.ts")], {
    stdio: ["pipe", "ignore", "inherit"],
    // Ctrl-C in a terminal is for the harness.
    detached: true,
  });
  const ended = once(child, "exit");
  return {
    watch: (charge) => void child.stdin.write(`${JSON.stringify(charge)}\n`),
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await ended;
    },
  };
}
