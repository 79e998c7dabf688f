// Runs other people's programs (age, zstd, tar) the way a person would: in a shell, at a terminal where one is asked for.
import { execFileSync } from "node:child_process";
import { spawn } from "@lydell/node-pty";

/** Whether all of these are installed; tests of what they do are skipped where they are not, and .ci/run installs them. */
export function haveTools(...names: string[]): boolean {
  return names.every((name) => {
    try {
      execFileSync("sh", ["-c", `command -v ${name}`], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  });
}

/** Runs shell commands and gives back what they print; throws with what they complain of if any of them fails. */
export function shell(commands: string, directory: string): Buffer {
  return execFileSync("bash", ["-euo", "pipefail", "-c", commands], {
    cwd: directory,
    maxBuffer: 1024 * 1024 * 1024,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Runs shell commands on a terminal and types the passphrase whenever one is asked for. */
export async function shellOnTerminal(
  commands: string,
  directory: string,
  passphrase: string,
): Promise<void> {
  const terminal = spawn("bash", ["-euo", "pipefail", "-c", commands], { cwd: directory, cols: 200 });
  let shown = "";
  let answered = 0;
  terminal.onData((text) => {
    shown += text;
    const asked = shown.match(/passphrase[^\n]*: /gi)?.length ?? 0;
    for (; answered < asked; answered++) terminal.write(`${passphrase}\r`);
  });
  const exitCode = await new Promise<number>((resolve) => {
    terminal.onExit((exit) => resolve(exit.exitCode));
  });
  if (exitCode !== 0) throw new Error(`exit ${exitCode}: ${shown}`);
}
