// How a contender is measured: its wall time, the CPU seconds of server and client, and what it made the server write. Contenders
// run in turn, round by round, so that whatever else the machine does meets all of them.
import { execFile } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import type { Answer, Loaded, Message } from "./act-process.ts";
import { answerOf } from "./child.ts";
import type { BenchServer } from "./server.ts";

const run = promisify(execFile);

/** What one process, or a pipeline of them, took. */
export interface Taken {
  readonly wallSeconds: number;
  /** User and system, of everything but the server. */
  readonly clientSeconds: number;
  /** Resident; undefined where several processes share the work. */
  readonly peakBytes?: number;
}

export interface Measurement extends Taken {
  /** User and system, of all sessions. */
  readonly serverSeconds: number;
  readonly walBytes: number;
  /** Rows that the server inserted, updated or deleted in tables that are neither temporary nor staged. */
  readonly writtenRows: number;
}

export interface Contender {
  readonly name: string;
  /** Brings the tables into the state that it starts from; not measured. */
  readonly prepare?: () => Promise<void>;
  readonly act: () => Promise<Taken>;
}

/** @returns for each contender a measurement for each round */
export async function inTurn(
  server: BenchServer,
  contenders: readonly Contender[],
  rounds: number,
): Promise<Map<string, Measurement[]>> {
  const measured = new Map(contenders.map(({ name }) => [name, [] as Measurement[]]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const contender of contenders) {
      await contender.prepare?.();
      const measurement = await measure(server, contender.act);
      measured.get(contender.name)?.push(measurement);
      const { wallSeconds, serverSeconds, clientSeconds } = measurement;
      const figures = [wallSeconds, serverSeconds, clientSeconds].map((seconds) => seconds.toFixed(2));
      console.error(
        `round ${round}/${rounds}  ${contender.name}: wall ${figures[0]} s, server ${figures[1]} s, client ${figures[2]} s`,
      );
    }
  }
  return measured;
}

/** Sessions that have ended are reaped, and tell what they wrote, a moment later. */
const SETTLE_MS = 300;

async function measure(server: BenchServer, act: () => Promise<Taken>): Promise<Measurement> {
  await server.checkpoint();
  await delay(SETTLE_MS);
  const before = await server.counters();
  const taken = await act();
  await delay(SETTLE_MS);
  const after = await server.counters();
  return {
    ...taken,
    serverSeconds: after.cpuSeconds - before.cpuSeconds,
    walBytes: after.walBytes - before.walBytes,
    writtenRows: after.writtenRows - before.writtenRows,
  };
}

/** A command line with all the processes that it starts; one that fails is an error. */
export async function measureCommand(script: string, binDirectory: string): Promise<Taken> {
  const timed = `TIMEFORMAT='%R %U %S'; time { set -euo pipefail; ${script}; }`;
  const { stderr } = await run("bash", ["-c", timed], {
    env: { ...process.env, PATH: `${binDirectory}:${process.env["PATH"]}` },
  });
  const times = /([\d.]+) ([\d.]+) ([\d.]+)\s*$/.exec(stderr);
  if (times === null) throw new Error(`no times in: ${stderr}`);
  const [wall = 0, user = 0, system = 0] = times.slice(1).map(Number);
  return { wallSeconds: wall, clientSeconds: user + system };
}

/** An act of Holdfast's in a process of its own. @param onLoaded told of a restore when its rows are loaded */
export async function measureAct(
  message: Message,
  onLoaded?: (loaded: Loaded["loaded"]) => void,
): Promise<Taken> {
  const takeNote = (note: unknown): boolean => {
    const isNote = typeof note === "object" && note !== null && "loaded" in note;
    if (isNote) onLoaded?.((note as Loaded).loaded);
    return isNote;
  };
  const { wallSeconds, cpuSeconds, peakBytes } = await answerOf<Answer>("act-process.ts", message, takeNote);
  return { wallSeconds, clientSeconds: cpuSeconds, peakBytes };
}
