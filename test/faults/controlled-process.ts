// A process that the harness kills, freezes and starts again.
import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { readProcesses, treeOf } from "./process-tree.ts";
import type { Warden } from "./warden.ts";

export interface ProcessOptions {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly account?: { readonly uid: number; readonly gid: number } | undefined;
  /** What it prints is appended to this file. */
  readonly logFile: string;
  /** Said on standard output or standard error once it can be used. */
  readonly readyWhen: string;
  readonly warden: Warden;
}

const START_TIMEOUT_MS = 60_000;
const TAIL_LINES = 25;

export class ControlledProcess {
  readonly name: string;
  readonly #options: ProcessOptions;
  #pid: number | undefined;
  #frozen: readonly number[] = [];
  /** Those that were told to end, or killed: their end is known of before it is heard of. */
  readonly #meantToEnd = new Set<number>();
  #endings: string[] = [];

  constructor(options: ProcessOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#pid !== undefined;
  }

  /** How it has ended though nobody killed it: told once. */
  takeEndings(): readonly string[] {
    return this.#endings.splice(0);
  }

  /** Resolves once it is ready. @throws when it ends before that */
  async start(): Promise<void> {
    const { program, args, env, cwd, account, logFile, readyWhen, warden } = this.#options;
    const child = spawn(program, args, {
      ...account,
      ...(cwd !== undefined && { cwd }),
      env: { ...env, PATH: process.env["PATH"] },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const ended = Promise.withResolvers<string>();
    child.once("error", (error) => ended.resolve(String(error)));
    child.once("exit", (code, signal) => ended.resolve(signal ?? `exit code ${code}`));
    const { pid } = child;
    if (pid === undefined) throw new Error(`${this.name} did not start: ${await ended.promise}`);
    warden.watch({ pid });
    this.#pid = pid;
    const log = createWriteStream(logFile, { flags: "a" });
    const ready = Promise.withResolvers<void>();
    let said = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => {
        log.write(chunk);
        said = (said + chunk.toString()).slice(-20_000);
        if (said.includes(readyWhen)) ready.resolve();
      });
    let isReady = false;
    void ended.promise.then((how) => {
      if (this.#pid === pid) this.#pid = undefined;
      if (!this.#meantToEnd.has(pid) && isReady)
        this.#endings.push(`${this.name} has ended by itself: ${how}`);
      log.end();
    });
    const patience = new AbortController();
    try {
      await Promise.race([
        ready.promise,
        ended.promise.then((how) => {
          throw new Error(`${this.name} did not start (${how}): ${said.slice(-2_000)}`);
        }),
        delay(START_TIMEOUT_MS, undefined, { signal: patience.signal, ref: false }).then(() => {
          throw new Error(
            `${this.name} is not ready after ${START_TIMEOUT_MS / 1000} s: ${said.slice(-2_000)}`,
          );
        }),
      ]);
      isReady = true;
    } finally {
      patience.abort();
    }
  }

  /** SIGKILL, to it and all that descends from it; resolves once all of them are gone. */
  async kill(): Promise<void> {
    const pid = this.#pid;
    if (pid === undefined) return;
    this.#meantToEnd.add(pid);
    const members = treeOf(pid, await readProcesses());
    for (const member of members) signal(member, "SIGKILL");
    this.#frozen = [];
    await gone(members);
    this.#pid = undefined;
  }

  /** SIGKILL to one of its children, such as a backend of PostgreSQL's. */
  async killChild(choose: (children: readonly number[]) => number | undefined): Promise<void> {
    if (this.#pid === undefined) return;
    const child = choose(treeOf(this.#pid, await readProcesses()).slice(1));
    if (child !== undefined) signal(child, "SIGKILL");
  }

  async freeze(): Promise<void> {
    if (this.#pid === undefined) return;
    // Parents first: one that is frozen has no further children.
    signal(this.#pid, "SIGSTOP");
    const members = treeOf(this.#pid, await readProcesses());
    for (const member of members) signal(member, "SIGSTOP");
    this.#frozen = members;
  }

  thaw(): void {
    for (const member of this.#frozen.toReversed()) signal(member, "SIGCONT");
    this.#frozen = [];
  }

  /** Asks it to end as an operator would, and kills it if it does not. */
  async stop(graceMs: number): Promise<void> {
    const pid = this.#pid;
    if (pid === undefined) return;
    this.#meantToEnd.add(pid);
    this.thaw();
    signal(pid, "SIGINT");
    for (const deadline = Date.now() + graceMs; this.#pid === pid && Date.now() < deadline;) await delay(20);
    await this.kill();
  }

  async logTail(): Promise<string> {
    const text = await readFile(this.#options.logFile, "utf8").catch(() => "");
    const lines = text.trimEnd().split("\n").slice(-TAIL_LINES);
    return [`--- ${this.name}`, ...lines.map((line) => line.slice(0, 600))].join("\n");
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has just ended.
  }
}

/** Zombies count as gone: their parent is about to take note of them. */
async function gone(pids: readonly number[]): Promise<void> {
  for (;;) {
    const living = await readProcesses();
    if (!living.some(({ pid, isZombie }) => pids.includes(pid) && !isZombie)) return;
    await delay(10);
  }
}
