import { Writable } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import stringWidth from "string-width";
import { describe, expect, it } from "vitest";
import { createProgressView } from "../../src/cli/terminal/progress.ts";
import { NO_PROGRESS, type Progress } from "../../src/core/run.ts";

const COPYING: Progress = {
  phase: "copying",
  entity: "STREAMS",
  rows: 151_203,
  rowsTotal: 250_000,
  bytes: 21_340_000,
  bytesTotal: 40_000_000,
  percent: 62.4,
  rowsPerSecond: 48_210,
  etaSeconds: 3.2,
};

/** Collects what is written, and has a clock that goes on when it is told to. */
function stage(columns?: number) {
  const written: string[] = [];
  const output = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      written.push(chunk);
      done();
    },
  });
  let nowMs = 0;
  const view = createProgressView(
    Object.assign(output, columns === undefined ? {} : { isTTY: true, columns }),
    () => nowMs,
  );
  return {
    view,
    written,
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

describe("progress in a log", () => {
  it("is a line at each phase and every three seconds, and the last state in the end", () => {
    const { view, written, pass } = stage();
    view.update(NO_PROGRESS);
    view.update(COPYING);
    for (let step = 0; step < 70; step++) {
      pass(100);
      view.update({ ...COPYING, rows: step, percent: 63 });
    }
    view.update({ ...COPYING, percent: 64 });
    view.end();
    expect(written).toEqual([
      "   queued, 0 %\n",
      "   copying STREAMS, 62 %, 151,203 rows, 21.3 MB, 48,210/s, 0:03 left\n",
      "   copying STREAMS, 63 %, 29 rows, 21.3 MB, 48,210/s, 0:03 left\n",
      "   copying STREAMS, 63 %, 59 rows, 21.3 MB, 48,210/s, 0:03 left\n",
      "   copying STREAMS, 64 %, 151,203 rows, 21.3 MB, 48,210/s, 0:03 left\n",
    ]);
  });

  it("does not repeat the last state", () => {
    const { view, written } = stage();
    view.update(COPYING);
    view.end();
    expect(written).toHaveLength(1);
  });
});

describe("progress on a terminal", () => {
  it("redraws one line, and leaves it with the last state", () => {
    const { view, written, pass } = stage(100);
    view.update(COPYING);
    view.update({ ...COPYING, percent: 63 });
    pass(100);
    view.update({ ...COPYING, percent: 64 });
    view.update({ ...COPYING, percent: 65 });
    view.end();
    expect(written.map((text) => /\d+ %/.exec(text)?.[0] ?? text)).toEqual(["62 %", "64 %", "65 %", "\n"]);
    for (const frame of written.slice(0, 3)) {
      expect(frame.startsWith("\r")).toBe(true);
      expect(frame.endsWith("\u001B[K")).toBe(true);
      expect(frame).not.toContain("\n");
    }
  });

  it.for([40, 60, 80, 100, 200])("fits %i columns, with a bar wherever there is room", (columns) => {
    const { view, written } = stage(columns);
    view.update({ ...COPYING, entity: "CONFIG_VALUES" });
    const line = stripVTControlCharacters(written[0] ?? "").replace("\r", "");
    expect(stringWidth(line)).toBeLessThan(columns);
    expect(line).toContain("copying");
    expect(line).toContain("62 %");
    expect(line).toMatch(/█+░+/);
  });

  it("shows everything there is to know where there is room for it", () => {
    const { view, written } = stage(120);
    view.update(COPYING);
    const line = stripVTControlCharacters(written[0] ?? "");
    for (const part of ["STREAMS", "151,203 rows", "21.3 MB", "48,210/s", "0:03 left"])
      expect(line).toContain(part);
  });
});
