// Where the time of a backup goes: the same rows through ever more of the stages, each in a process of its own; what a stage
// costs is what is added by it.
import { randomUUID } from "node:crypto";
import path from "node:path";
import { answerOf } from "./child.ts";
import type { BenchContext } from "./context.ts";
import { inTurn, type Taken } from "./measure.ts";
import type { StageAnswer, StageOrder } from "./profile-process.ts";
import { STAGES } from "./profile-stages.ts";
import { median } from "./quantiles.ts";
import type { Result } from "./report.ts";

export async function measureProfile(bench: BenchContext): Promise<Result> {
  const { server, options, directory, key } = bench;
  const contenders = STAGES.map(({ name }, upTo) => ({
    name,
    act: () =>
      measureStages({
        url: server.url,
        directory: path.join(directory, "profile", randomUUID()),
        recipient: key.recipient,
        upTo,
      }),
  }));
  const measured = await inTurn(server, contenders, options.rounds);
  let before = 0;
  const rows: string[][] = [];
  const server0 = median((measured.get(STAGES[0]?.name ?? "") ?? []).map((one) => one.serverSeconds));
  const parts = [{ name: "PostgreSQL: reading, printing, sending", seconds: server0 }];
  for (const { name } of STAGES) {
    const seconds = median((measured.get(name) ?? []).map((one) => one.clientSeconds));
    parts.push({ name, seconds: Math.max(0, seconds - before) });
    before = seconds;
  }
  const total = parts.reduce((sum, { seconds }) => sum + seconds, 0);
  for (const { name, seconds } of parts) {
    const share = seconds / total;
    rows.push([
      name,
      seconds.toFixed(2),
      `${(share * 100).toFixed(0)} %`,
      "#".repeat(Math.round(share * 40)),
    ]);
  }
  return {
    name: "profile",
    tables: [
      {
        title: `Where the CPU time of a backup goes: ${options.rows.toLocaleString("en")} rows, ${total.toFixed(1)} CPU seconds`,
        columns: ["", "CPU s", "share", ""],
        rows,
      },
    ],
    goals: [],
    figures: Object.fromEntries(measured),
  };
}

async function measureStages(order: StageOrder): Promise<Taken> {
  const { wallSeconds, cpuSeconds } = await answerOf<StageAnswer>("profile-process.ts", order);
  return { wallSeconds, clientSeconds: cpuSeconds };
}
