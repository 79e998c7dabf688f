// Whatever a store or a sender gives to the readers, they answer with an error of the catalogue, or read it. FUZZ_RUNS is how many inputs
// each of them gets (CI has few; FUZZ_RUNS=20000 takes some minutes), FUZZ_SEED repeats a run.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough } from "node:stream";
import { zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { generateIdentity, openAge, type AgeKeyPair } from "../../src/codec/age.ts";
import { decompress } from "../../src/codec/compress.ts";
import { parseRows } from "../../src/codec/copy-text.ts";
import { HEADER_NAME, INDEX_NAME, KEY_NAME, manifestName, partName } from "../../src/core/artifact.ts";
import { ERRORS, isHoldfastError } from "../../src/core/errors.ts";
import { storeSink, tarSink, tarSource } from "../../src/engine/artifact-io.ts";
import { openArtifact } from "../../src/engine/artifact-reader.ts";
import { readPortable } from "../../src/engine/portable-reader.ts";
import { verifyContents } from "../../src/engine/verify.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { collect, copyText } from "../codec/fixtures.ts";
import {
  changed,
  CREATED_AT,
  readAll,
  reindexed,
  sample,
  signerNamed,
  sourceOf,
  type Sample,
} from "./artifact-fixture.ts";

const RUNS = Number(process.env["FUZZ_RUNS"] ?? 40);
const SEED = process.env["FUZZ_SEED"];
/** Far more than any of the inputs, and far less than what some of them claim to be. */
const BOUND_BYTES = 256 * 1024 * 1024;
const TIMEOUT_MS = 120_000 + RUNS * 200;

let owner: AgeKeyPair;
let plain: Sample;
let signed: Sample;
let sealed: Sample;
let tar: Buffer;
let folder: string;
beforeAll(async () => {
  owner = await generateIdentity();
  plain = await sample({ kind: "NONE" });
  signed = await sample({ kind: "NONE" }, undefined, signerNamed("ours"));
  sealed = await sample({ kind: "RECIPIENTS", recipients: [owner.recipient] });
  folder = await mkdtemp(path.join(tmpdir(), "holdfast-fuzz-"));
  const stream = new PassThrough();
  const whole = collect(stream);
  const sink = tarSink(stream, CREATED_AT);
  for (const [name, bytes] of plain.objects) await sink.put(name, bytes, bytes.length);
  await sink.finish();
  stream.end();
  tar = await whole;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Reads, and lets through what the catalogue has. */
async function known(read: () => Promise<unknown>): Promise<void> {
  try {
    await read();
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    expect(ERRORS).toHaveProperty(error.code);
    expect(error.code).not.toBe("INTERNAL");
  }
}

/** @returns how many bytes more the process took at most */
async function everyInput<T>(inputs: fc.Arbitrary<T>, read: (input: T) => Promise<unknown>): Promise<number> {
  const start = process.memoryUsage().rss;
  let most = start;
  await fc.assert(
    fc.asyncProperty(inputs, async (input) => {
      await known(() => read(input));
      most = Math.max(most, process.memoryUsage().rss);
    }),
    { numRuns: RUNS, ...(SEED !== undefined && { seed: Number(SEED) }) },
  );
  return most - start;
}

/** What befalls bytes: some are flipped, cut out, doubled, or others put in their place. */
function mangled(bytes: () => Buffer): fc.Arbitrary<Buffer> {
  const spot = fc.double({ min: 0, max: 1, noNaN: true });
  const edit = fc.record({
    kind: fc.constantFrom("flip", "cut", "double", "put", "end"),
    at: spot,
    length: fc.integer({ min: 1, max: 600 }),
    bytes: fc.uint8Array({ maxLength: 40 }),
  });
  return fc.array(edit, { minLength: 1, maxLength: 4 }).map((edits) => {
    let result = bytes();
    for (const { kind, at: share, length, bytes: others } of edits) {
      const at = Math.floor(share * result.length);
      const head = result.subarray(0, at);
      const tail = result.subarray(at);
      if (kind === "flip") {
        result = Buffer.from(result);
        if (at < result.length) result.writeUInt8((result[at] ?? 0) ^ (1 << (length & 7)), at);
      } else if (kind === "cut") result = Buffer.concat([head, tail.subarray(length)]);
      else if (kind === "double") result = Buffer.concat([head, tail.subarray(0, length), tail]);
      else if (kind === "put") result = Buffer.concat([head, others, tail.subarray(others.length)]);
      else result = head;
    }
    return result;
  });
}

/** A JSON document in which some values are others: of other types, absurd, or full of what SQL and paths are made of. */
function distorted(document: () => unknown): fc.Arbitrary<string> {
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(
      -1,
      0,
      1e308,
      2 ** 53,
      -0,
      0.5,
      "",
      "..",
      "../../x",
      'a"; drop table users; --',
      "\u0000",
      "\ud800",
    ),
    fc.constantFrom(null, true, [], {}, "9".repeat(400), "constructor", "__proto__"),
  );
  const change = fc.record({ at: fc.nat(), value, drop: fc.boolean() });
  return fc.array(change, { minLength: 1, maxLength: 3 }).map((changes) => {
    const copy: unknown = JSON.parse(JSON.stringify(document()));
    for (const { at, value, drop } of changes) {
      const places: { holder: Record<string, unknown>; key: string }[] = [];
      const walk = (node: unknown): void => {
        if (typeof node !== "object" || node === null) return;
        const holder = node as Record<string, unknown>;
        for (const key of Object.keys(holder)) {
          places.push({ holder, key });
          walk(holder[key]);
        }
      };
      walk(copy);
      const place = places[at % Math.max(1, places.length)];
      if (place === undefined) continue;
      if (drop) delete place.holder[place.key];
      else place.holder[place.key] = value;
    }
    return JSON.stringify(copy);
  });
}

const bytesOf = ({ objects }: Sample, name: string) => objects.get(name) ?? Buffer.alloc(0);
const jsonIn = (from: Sample, name: string): unknown => JSON.parse(bytesOf(from, name).toString());
const NONE = manifestName("NONE");

it("a tar", { timeout: TIMEOUT_MS }, async () => {
  const file = path.join(folder, "fuzzed.tar");
  const anything = fc.uint8Array({ maxLength: 3000 }).map((bytes) => Buffer.from(bytes));
  const grownBytes = await everyInput(
    fc.oneof({ arbitrary: mangled(() => tar), weight: 4 }, anything),
    async (bytes) => {
      await writeFile(file, bytes);
      const source = await tarSource(file);
      try {
        await readAll(source);
      } finally {
        await source.close();
      }
    },
  );
  expect(grownBytes).toBeLessThan(BOUND_BYTES);
});

it("a header", { timeout: TIMEOUT_MS }, async () => {
  const inputs = fc.oneof(
    distorted(() => jsonIn(signed, HEADER_NAME)),
    mangled(() => bytesOf(signed, HEADER_NAME)),
    fc.json(),
  );
  const grownBytes = await everyInput(inputs, async (input) => {
    const change = { [HEADER_NAME]: Buffer.from(input) };
    for (const objects of [changed(signed.objects, change), reindexed(plain.objects, change)])
      await known(async () => openArtifact(await sourceOf(objects)));
  });
  expect(grownBytes).toBeLessThan(BOUND_BYTES);
});

it("an index", { timeout: TIMEOUT_MS }, async () => {
  const inputs = fc.oneof(
    distorted(() => jsonIn(signed, INDEX_NAME)),
    mangled(() => bytesOf(signed, INDEX_NAME)),
    fc.json(),
  );
  const grownBytes = await everyInput(inputs, async (input) =>
    readAll(await sourceOf(changed(signed.objects, { [INDEX_NAME]: Buffer.from(input) }))),
  );
  expect(grownBytes).toBeLessThan(BOUND_BYTES);
});

it("a manifest, with an index that fits", { timeout: TIMEOUT_MS }, async () => {
  const inputs = fc.oneof(
    { arbitrary: distorted(() => jsonIn(plain, NONE)), weight: 4 },
    mangled(() => bytesOf(plain, NONE)),
    fc.json(),
  );
  const signal = new AbortController().signal;
  const grownBytes = await everyInput(inputs, async (input) =>
    verifyContents(await sourceOf(reindexed(plain.objects, { [NONE]: Buffer.from(input) })), {}, signal),
  );
  expect(grownBytes).toBeLessThan(BOUND_BYTES);
});

it("an age file", { timeout: TIMEOUT_MS }, async () => {
  const name = partName(1, "RECIPIENTS");
  const { artifactIdentity } = await openArtifact(await sourceOf(sealed.objects), {
    identity: owner.identity,
  });
  const header = (bytes: Buffer) => bytes.subarray(0, 220);
  const inputs = fc.oneof(
    mangled(() => bytesOf(sealed, name)),
    // Where the header is, more often than chance would have it.
    mangled(() => header(bytesOf(sealed, name))).map((start) =>
      Buffer.concat([start, bytesOf(sealed, name).subarray(220)]),
    ),
    mangled(() => bytesOf(sealed, KEY_NAME)),
    fc
      .uint8Array({ maxLength: 500 })
      .map((bytes) => Buffer.concat([Buffer.from("age-encryption.org/v1\n"), bytes])),
  );
  const grownBytes = await everyInput(inputs, async (input) => {
    for (const identity of [artifactIdentity ?? "", owner.identity])
      await known(async () => [...((await openAge(input, { identity }, "fuzzed")) ?? [])]);
  });
  expect(grownBytes).toBeLessThan(BOUND_BYTES);
});

it("a zstd frame", { timeout: TIMEOUT_MS }, async () => {
  const frame = zstdCompressSync(copyText(2000));
  const grownBytes = await everyInput(
    mangled(() => frame),
    async (input) => collect(decompress([input], "fuzzed")),
  );
  expect(grownBytes).toBeLessThan(BOUND_BYTES);
});

it("COPY text", { timeout: TIMEOUT_MS }, async () => {
  const text = copyText(50);
  const inputs = fc.oneof(
    mangled(() => text),
    fc
      .string({ unit: fc.constantFrom("\\", "N", "\t", "\n", "x", "\u00e9", "1", "."), maxLength: 200 })
      .map((some) => Buffer.from(some)),
  );
  const grownBytes = await everyInput(
    fc.tuple(inputs, fc.integer({ min: 1, max: 64 })),
    async ([input, chunkBytes]) => {
      const chunks = async function* () {
        for (let at = 0; at < input.length; at += chunkBytes) yield input.subarray(at, at + chunkBytes);
      };
      for await (const rows of parseRows(chunks(), 4, "fuzzed"))
        for (const row of rows) expect(row).toHaveLength(4);
    },
  );
  expect(grownBytes).toBeLessThan(BOUND_BYTES);
});

it("the portable form", { timeout: TIMEOUT_MS }, async () => {
  const inputs = fc.oneof(
    fc.json().map((text) => Buffer.from(text)),
    fc.constantFrom("[", '{"format":"holdfast-portable"', "{}").map((text) => Buffer.from(text)),
    distorted(() => ({
      ...{ format: "holdfast-portable", version: 1, createdAt: CREATED_AT.toISOString(), databases: [] },
      ...{ entities: [], tables: [{ schema: "public", name: "users", rows: [{ id: "1" }] }] },
    })).map((text) => Buffer.from(text)),
  );
  const signal = new AbortController().signal;
  const grownBytes = await everyInput(inputs, async (input) => {
    const chunks = async function* () {
      yield input;
    };
    await readPortable(chunks(), storeSink(memoryStore(), "x"), signal);
  });
  expect(grownBytes).toBeLessThan(BOUND_BYTES);
});
