// The splitter against a plain model, with the bytes cut anywhere.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameSplitter, type CopyFrames } from "../../src/postgres/copy-frames.ts";

interface Frame {
  readonly type: string;
  readonly body: Buffer;
}

function encode(frame: Frame): Buffer {
  const header = Buffer.alloc(5);
  header.write(frame.type, "latin1");
  header.writeUInt32BE(frame.body.length + 4, 1);
  return Buffer.concat([header, frame.body]);
}

const COPY_TYPES = "Hdc";

/** Feeds the chunks, and gathers both sides. */
function split(chunks: readonly Buffer[], copyFrames: CopyFrames) {
  const passed: Buffer[] = [];
  const kept: Buffer[] = [];
  const rowEnds: number[] = [];
  let keptBytes = 0;
  let rows = 0;
  const splitter = new FrameSplitter((bytes) => passed.push(bytes));
  for (const chunk of chunks) {
    const own = Buffer.concat([chunk, Buffer.from("left from an earlier read")]);
    splitter.split(own, chunk.length, copyFrames);
    kept.push(Buffer.from(own.subarray(0, splitter.keptBytes)));
    if (splitter.rows > 0) rowEnds.push(keptBytes + splitter.lastRowEnd);
    keptBytes += splitter.keptBytes;
    rows += splitter.rows;
  }
  return { passed: Buffer.concat(passed), kept: Buffer.concat(kept), rows, rowEnds };
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length].toSorted(
    (a, b) => a - b,
  );
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end));
}

const frames = fc.array(
  fc.record({
    type: fc.constantFrom("H", "d", "d", "d", "c", "C", "Z", "N", "S", "E"),
    body: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  }),
  { maxLength: 30 },
);
const places = fc.array(fc.nat(2_000), { maxLength: 60 });

describe("FrameSplitter", () => {
  it("keeps a COPY's rows, drops what frames them and passes everything else on, wherever the bytes are cut", () => {
    fc.assert(
      fc.property(frames, places, (sent, cuts) => {
        const result = split(cut(Buffer.concat(sent.map(encode)), cuts), "keep");
        const rows = sent.filter((frame) => frame.type === "d");
        const others = sent.filter((frame) => !COPY_TYPES.includes(frame.type));
        expect(result.kept).toEqual(Buffer.concat(rows.map((row) => row.body)));
        expect(result.rows).toBe(rows.length);
        expect(result.passed).toEqual(Buffer.concat(others.map(encode)));
        const ends = new Set(
          rows.map((_, index) => rows.slice(0, index + 1).reduce((sum, row) => sum + row.body.length, 0)),
        );
        expect(result.rowEnds.every((end) => ends.has(end))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("passes all bytes on as they are while nothing is tapped", () => {
    fc.assert(
      fc.property(frames, places, (sent, cuts) => {
        const bytes = Buffer.concat(sent.map(encode));
        const result = split(cut(bytes, cuts), "pass");
        expect(result.passed).toEqual(bytes);
        expect(result.kept.length).toBe(0);
      }),
    );
  });

  it("drops rows that nobody wants any more, and still finds what follows them", () => {
    const sent = [
      { type: "d", body: Buffer.from("1\n") },
      { type: "E", body: Buffer.from("cancelled") },
      { type: "Z", body: Buffer.from("I") },
    ];
    const result = split([Buffer.concat(sent.map(encode))], "drop");
    expect(result.kept.length).toBe(0);
    expect(result.passed).toEqual(Buffer.concat(sent.slice(1).map(encode)));
  });

  it("finds its way when every byte comes alone", () => {
    const sent = [
      { type: "N", body: Buffer.from("notice") },
      { type: "H", body: Buffer.alloc(3) },
      { type: "d", body: Buffer.from("a\tb\n") },
      { type: "d", body: Buffer.from("\\N\t\n") },
      { type: "c", body: Buffer.alloc(0) },
      { type: "C", body: Buffer.from("COPY 2\0") },
    ];
    const bytes = Buffer.concat(sent.map(encode));
    const result = split(cut(bytes, [...bytes.keys()]), "keep");
    expect(result.kept.toString()).toBe("a\tb\n\\N\t\n");
    expect(result.rows).toBe(2);
    expect(result.passed.toString("latin1")).toContain("COPY 2");
  });

  it("stops where a COPY has ended, and says how many rows the server counts", () => {
    const sent = Buffer.concat(
      [
        { type: "C", body: "SAVEPOINT\0" },
        { type: "H", body: "" },
        { type: "d", body: "a\n" },
        { type: "d", body: "b\n" },
        { type: "c", body: "" },
        { type: "C", body: "COPY 2\0" },
        { type: "H", body: "" },
        { type: "c", body: "" },
        { type: "C", body: "COPY 0\0" },
        { type: "C", body: "ROLLBACK\0" },
      ].map(({ type, body }) => encode({ type, body: Buffer.from(body) })),
    );
    fc.assert(
      fc.property(places, (cuts) => {
        const passed: Buffer[] = [];
        const ended: { rows: number | undefined; text: string }[] = [];
        let text = "";
        const splitter = new FrameSplitter((bytes) => passed.push(bytes));
        for (const chunk of cut(Buffer.from(sent), cuts)) {
          for (let at = 0; at < chunk.length;) {
            const rest = chunk.subarray(at);
            at += splitter.split(rest, rest.length, "keep");
            text += rest.toString("latin1", 0, splitter.keptBytes);
            if (splitter.copiedRows === undefined) continue;
            ended.push({ rows: splitter.copiedRows, text });
            text = "";
          }
        }
        expect(ended).toEqual([
          { rows: 2, text: "a\nb\n" },
          { rows: 0, text: "" },
        ]);
        expect(Buffer.concat(passed).toString("latin1")).toMatch(/SAVEPOINT.*COPY 2.*COPY 0.*ROLLBACK/su);
      }),
      { numRuns: 200 },
    );
  });
});
