// A run's progress as somebody watches it: a bar that redraws itself on a terminal, a plain line now and then in a log.
import stringWidth from "string-width";
import type { Progress } from "../../core/run.ts";
import { formatBytes, formatClock, formatCount } from "./format.ts";
import { paint } from "./paint.ts";

/** Where progress is shown: standard output or standard error, or a stand-in for either. */
export type ProgressOutput = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };

/** A run's progress; a phase that a newer server names is shown as it is. */
export type ShownProgress = Omit<Progress, "phase"> & { readonly phase: string };

export interface ProgressView {
  /** Shows the state, unless the last one was shown a moment ago. */
  update(progress: ShownProgress): void;
  /** Shows the last state for good; whatever is written next starts on a line of its own. */
  end(): void;
}

const REDRAW_EVERY_MS = 66;
const LINE_EVERY_MS = 3_000;
const INDENT = "   ";
const WIDEST_BAR = 30;
const NARROWEST_BAR = 12;

/** @param now milliseconds, from any fixed point */
export function createProgressView(
  output: ProgressOutput,
  now: () => number = () => performance.now(),
): ProgressView {
  const isTerminal = output.isTTY === true && process.env["TERM"] !== "dumb";
  const everyMs = isTerminal ? REDRAW_EVERY_MS : LINE_EVERY_MS;
  let shownAtMs = -Infinity;
  let shownPhase: string | undefined;
  let shownText: string | undefined;
  let latest: ShownProgress | undefined;

  const show = (progress: ShownProgress): void => {
    shownAtMs = now();
    shownPhase = progress.phase;
    const text = isTerminal ? `\r${barLine(progress, output)}\u001b[K` : `${INDENT}${plainLine(progress)}\n`;
    if (text !== shownText) output.write(text);
    shownText = text;
  };

  return {
    update(progress) {
      latest = progress;
      if (progress.phase !== shownPhase || now() - shownAtMs >= everyMs) show(progress);
    },
    end() {
      if (latest === undefined) return;
      show(latest);
      if (isTerminal) output.write("\n");
      latest = undefined;
    },
  };
}

function plainLine(progress: ShownProgress): string {
  const { phase, entity, rows, bytes } = progress;
  return [
    entity === null ? phase : `${phase} ${entity}`,
    `${Math.floor(progress.percent)} %`,
    rows > 0 ? `${formatCount(rows)} rows` : undefined,
    bytes > 0 ? formatBytes(bytes) : undefined,
    rate(progress),
    timeLeft(progress),
  ]
    .filter((field) => field !== undefined)
    .join(", ");
}

/** One line that fits the terminal: the bar takes what the words leave, and the least of the words go first. */
function barLine(progress: ShownProgress, output: ProgressOutput): string {
  const columns = Math.min(output.columns ?? 80, 100) - 1;
  const rowsWidth = formatCount(progress.rowsTotal ?? progress.rows).length;
  const before = [INDENT + progress.phase.padEnd(9), (progress.entity ?? "").padEnd(13)];
  const after = [
    `${Math.floor(progress.percent)} %`.padStart(5),
    `${formatCount(progress.rows).padStart(rowsWidth)} rows`,
    (progress.bytes > 0 ? formatBytes(progress.bytes) : "").padStart(8),
    (timeLeft(progress) ?? "").padEnd(9),
    (rate(progress) ?? "").padStart(9),
  ];
  const room = () => columns - stringWidth([...before, "", ...after].join(" "));
  while (room() < NARROWEST_BAR && after.length > 1) after.pop();
  if (room() < NARROWEST_BAR) before.pop();
  const width = Math.max(0, Math.min(WIDEST_BAR, room()));
  const filled = Math.round((width * Math.min(100, progress.percent)) / 100);
  const bar = paint(output, "green", "█".repeat(filled)) + paint(output, "dim", "░".repeat(width - filled));
  return [...before, bar, ...after].join(" ").trimEnd();
}

function rate({ rowsPerSecond }: ShownProgress): string | undefined {
  return rowsPerSecond === null ? undefined : `${formatCount(rowsPerSecond)}/s`;
}

function timeLeft({ etaSeconds, phase }: ShownProgress): string | undefined {
  return etaSeconds === null || phase === "done" ? undefined : `${formatClock(etaSeconds)} left`;
}
