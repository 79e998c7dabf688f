// Runs the command line as a process of its own, without a terminal, as cron does.
import { spawn, type ChildProcess } from "node:child_process";
import { text } from "node:stream/consumers";
import { COMMAND } from "../support/command.ts";

export interface CliOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** For standard input. */
  readonly input?: string | Uint8Array;
}

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where programs are, and where Node keeps what it has compiled. */
function passedOn(): NodeJS.ProcessEnv {
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  return { PATH, ...(NODE_COMPILE_CACHE !== undefined && { NODE_COMPILE_CACHE }) };
}

/** Starts it; of the tester's environment it sees hardly anything. */
export function startCli(args: readonly string[], { cwd, env = {} }: CliOptions): ChildProcess {
  return spawn(process.execPath, [COMMAND, ...args], {
    cwd,
    env: { ...passedOn(), HOME: cwd, LANG: "C.UTF-8", ...env },
    // In a session of its own, so that no prompt finds the tester's terminal.
    detached: true,
    stdio: "pipe",
  });
}

export async function runCli(args: readonly string[], options: CliOptions): Promise<CliResult> {
  const child = startCli(args, options);
  child.stdin?.on("error", () => undefined); // a command may end without having read all of it
  child.stdin?.end(options.input ?? "");
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject).once("close", resolve);
  });
  const [code, stdout, stderr] = await Promise.all([
    ended,
    child.stdout === null ? "" : text(child.stdout),
    child.stderr === null ? "" : text(child.stderr),
  ]);
  return { code, stdout, stderr };
}

/** Runs a command that has to succeed. */
export async function cli(args: readonly string[], options: CliOptions): Promise<CliResult> {
  const result = await runCli(args, options);
  if (result.code !== 0)
    throw new Error(`holdfast ${args.join(" ")} ended with ${result.code}:\n${result.stderr}`);
  return result;
}
