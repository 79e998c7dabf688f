import { readFile } from "node:fs/promises";
import path from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import wabt from "wabt";
import { formatRowSum, RowSum } from "../../src/codec/row-sum.ts";

const CODEC = path.join(import.meta.dirname, "../../src/codec");

function sumOf(...chunks: (Uint8Array | string)[]): string {
  const sum = new RowSum();
  for (const chunk of chunks) sum.add(Buffer.from(chunk));
  return formatRowSum(sum.value());
}

it("gives the published hashes of XXH64 for single rows", () => {
  expect(sumOf("\n")).toBe("ef46db3751d8e999");
  expect(sumOf("a\n")).toBe("d24ec4f1a98c6e5b");
  expect(sumOf("abc\n")).toBe("44bc2cf5ad770999");
});

it("gives zero for no rows, and the sum modulo 2^64 for several", () => {
  expect(sumOf()).toBe("0000000000000000");
  expect(sumOf("a\nabc\n")).toBe("170af1e7570377f4");
});

const row = fc
  .uint8Array({ maxLength: 200 })
  .map((bytes) => Buffer.from([...bytes.map((byte) => (byte === 0x0a ? 0x5c : byte)), 0x0a]));
const rows = fc.array(row, { maxLength: 30 });

it("is the specification's, however the rows are cut", () => {
  fc.assert(
    fc.property(rows, fc.array(fc.nat(100), { maxLength: 60 }), (list, cuts) => {
      const text = Buffer.concat(list);
      const chunks: Buffer[] = [];
      let at = 0;
      for (const size of cuts) chunks.push(text.subarray(at, (at += size)));
      const expected = formatRowSum(...list.map((bytes) => xxh64(bytes.subarray(0, -1))));
      expect(sumOf(...chunks, text.subarray(at))).toBe(expected);
    }),
  );
});

it("is the same in any order, and another for any other multiset of rows", () => {
  fc.assert(
    fc.property(rows, rows, (one, other) => {
      const sum = sumOf(...one);
      expect(sumOf(...one.toReversed())).toBe(sum);
      const text = (list: Buffer[]) =>
        list
          .map((bytes) => bytes.toString("latin1"))
          .toSorted()
          .join("");
      if (text(one) !== text(other)) expect(sumOf(...other)).not.toBe(sum);
      const [first] = one;
      if (first !== undefined) expect(sumOf(...one, first)).not.toBe(sum);
    }),
  );
});

it("takes rows that are longer than what it takes in at once", () => {
  const long = Buffer.alloc(2_500_001, "0123456789abcdef-");
  const [before, after] = [Buffer.from("before\n"), Buffer.from("\nafter\n")];
  const expected = formatRowSum(xxh64(Buffer.from("before")), xxh64(long), xxh64(Buffer.from("after")));
  expect(sumOf(Buffer.concat([before, long, after]))).toBe(expected);
  expect(sumOf(before, long.subarray(0, 1), long.subarray(1), after)).toBe(expected);
});

it("keeps streams apart that are taken in by turns", () => {
  const [one, other] = [new RowSum(), new RowSum()];
  for (const piece of ["a", "b", "c\n", "d\n"]) {
    one.add(Buffer.from(piece));
    other.add(Buffer.from(piece.toUpperCase()));
  }
  expect([one, other].map((sum) => formatRowSum(sum.value()))).toEqual([
    sumOf("abc\nd\n"),
    sumOf("ABC\nD\n"),
  ]);
});

it("refuses to give the sum of rows that end in the middle of one", () => {
  const sum = new RowSum();
  sum.add(Buffer.from("whole\nhalf"));
  expect(() => sum.value()).toThrow("in the middle of a row");
});

it("runs what its source assembles to (-u writes it anew)", async () => {
  const source = await readFile(path.join(CODEC, "row-sum.wat"), "utf8");
  const assembled = (await wabt()).parseWat("row-sum.wat", source, { simd: true, bulk_memory: true });
  assembled.validate();
  const base64 = Buffer.from(assembled.toBinary({}).buffer).toString("base64");
  const lines = (base64.match(/.{1,100}/g) ?? []).map((line) => `  "${line}"`);
  const [comment, name] = [
    "// row-sum.wat, assembled by wabt, in base64. test/codec/row-sum.test.ts writes it, and holds it to its source.",
    "export const ROW_SUM_WASM =",
  ];
  await expect(`${comment}\n${name}\n${lines.join(" +\n")};\n`).toMatchFileSnapshot(
    path.join(CODEC, "row-sum.wasm.ts"),
  );
});

/** As https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md describes it, step by step; seed 0. */
function xxh64(bytes: Buffer): bigint {
  const [p1, p2, p3, p4, p5] = [
    0x9e3779b185ebca87n,
    0xc2b2ae3d27d4eb4fn,
    0x165667b19e3779f9n,
    0x85ebca77c2b2ae63n,
    0x27d4eb2f165667c5n,
  ] as const;
  const u64 = (value: bigint) => BigInt.asUintN(64, value);
  const rotl = (value: bigint, by: bigint) => u64((value << by) | (value >> (64n - by)));
  const round = (acc: bigint, lane: bigint) => u64(rotl(u64(acc + u64(lane * p2)), 31n) * p1);
  let at = 0;
  let hash: bigint = p5;
  if (bytes.length >= 32) {
    let [a, b, c, d]: [bigint, bigint, bigint, bigint] = [u64(p1 + p2), p2, 0n, u64(-p1)];
    for (; at + 32 <= bytes.length; at += 32) {
      a = round(a, bytes.readBigUInt64LE(at));
      b = round(b, bytes.readBigUInt64LE(at + 8));
      c = round(c, bytes.readBigUInt64LE(at + 16));
      d = round(d, bytes.readBigUInt64LE(at + 24));
    }
    hash = u64(rotl(a, 1n) + rotl(b, 7n) + rotl(c, 12n) + rotl(d, 18n));
    for (const acc of [a, b, c, d]) hash = u64((hash ^ round(0n, acc)) * p1 + p4);
  }
  hash = u64(hash + BigInt(bytes.length));
  for (; at + 8 <= bytes.length; at += 8)
    hash = u64(rotl(hash ^ round(0n, bytes.readBigUInt64LE(at)), 27n) * p1 + p4);
  if (at + 4 <= bytes.length) {
    hash = u64(rotl(hash ^ u64(BigInt(bytes.readUInt32LE(at)) * p1), 23n) * p2 + p3);
    at += 4;
  }
  for (; at < bytes.length; at += 1) hash = u64(rotl(hash ^ u64(BigInt(bytes[at] ?? 0) * p5), 11n) * p1);
  hash = u64((hash ^ (hash >> 33n)) * p2);
  hash = u64((hash ^ (hash >> 29n)) * p3);
  return hash ^ (hash >> 32n);
}
