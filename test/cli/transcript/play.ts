// Plays one step of a transcript: through pipes, or on a real terminal whose screen is what counts.
import { spawn } from "node:child_process";
import { openSync, readFileSync, closeSync } from "node:fs";
import { join } from "node:path";
import { spawn as spawnOnTerminal } from "@lydell/node-pty";
import xterm from "@xterm/headless";
import { matches, type TranscriptStep } from "./parse.ts";

type Command = Pick<TranscriptStep, "command" | "onTerminal" | "typed">;

export interface Surroundings {
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
}

export interface Played {
  /** Without space at the ends of lines, and without the last line's end. */
  readonly output: string;
  readonly exitCode: number | null;
}

const KEYS: Readonly<Record<string, string>> = { "^C": "\u0003", "^M": "\r" };
const PATIENCE_MS = 120_000;

export function play(step: Command, surroundings: Surroundings): Promise<Played> {
  return step.onTerminal ? playOnTerminal(step, surroundings) : playThroughPipes(step, surroundings);
}

/** Both outputs go to one file, so that their lines stand in the order in which they were written. */
async function playThroughPipes(step: Command, { directory, environment }: Surroundings): Promise<Played> {
  const path = join(directory, ".transcript-output");
  const file = openSync(path, "w");
  // Detached: in a session of its own, so that no prompt finds the terminal of whoever runs the tests.
  const child = spawn("bash", ["-c", step.command], {
    cwd: directory,
    env: environment,
    stdio: ["ignore", file, file],
    detached: true,
    timeout: PATIENCE_MS,
  });
  closeSync(file);
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return { output: tidy(readFileSync(path, "utf8").split("\n")), exitCode };
}

async function playOnTerminal(step: Command, { directory, environment }: Surroundings): Promise<Played> {
  const size = { cols: 100, rows: 200 };
  const screen = new xterm.Terminal({ ...size, allowProposedApi: true });
  const child = spawnOnTerminal("bash", ["-c", step.command], {
    ...size,
    name: "xterm-256color",
    cwd: directory,
    env: environment,
  });
  const typed = [...step.typed];
  const typeWhenShown = (): void => {
    const next = typed[0];
    if (next === undefined || !matches(next.after, screenText(screen))) return;
    typed.shift();
    child.write(KEYS[next.text] ?? `${next.text}\r`);
  };
  child.onData((text) => screen.write(text, typeWhenShown));
  const exitCode = await new Promise<number | null>((resolve) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      resolve(null);
    }, PATIENCE_MS);
    child.onExit((end) => {
      clearTimeout(timer);
      // As a shell says it of a process that a signal has ended.
      resolve(end.signal === undefined || end.signal === 0 ? end.exitCode : 128 + end.signal);
    });
  });
  await new Promise<void>((resolve) => screen.write("", resolve));
  const output = screenText(screen);
  screen.dispose();
  return { output, exitCode };
}

function screenText(screen: xterm.Terminal): string {
  const lines: string[] = [];
  for (let at = 0; at < screen.buffer.active.length; at++)
    lines.push(screen.buffer.active.getLine(at)?.translateToString(true) ?? "");
  return tidy(lines);
}

function tidy(lines: readonly string[]): string {
  return lines
    .map((line) => line.trimEnd())
    .join("\n")
    .trimEnd();
}
