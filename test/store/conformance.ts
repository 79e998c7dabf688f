// The suite that every store passes, whatever it stores in. What it says is the contract of src/store/store.ts.
import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ErrorCode } from "../../src/core/errors.ts";
import type { GetOptions, Store } from "../../src/store/store.ts";

export interface StoreUnderTest {
  readonly store: Store;
  /** Takes down what the store needed, after the store has been closed. */
  readonly dispose: () => Promise<void>;
}

export interface ConformanceOptions {
  /** More keys than one page of a listing holds; left out: 1,100, for S3's own pages have 1,000. */
  readonly manyKeys?: number;
}

async function* pieces(bytes: Buffer, step: number) {
  for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
}

function withCode(code: ErrorCode): unknown {
  return expect.objectContaining({ name: "HoldfastError", code });
}

const GOOD_KEYS = [
  "a",
  "a b/c d",
  "späße/日本語/🦊",
  "-rf",
  "%2e%2e/%00",
  "a'b\"c$(d)`e`&|;*?[x]",
  "x".repeat(255),
  `${"d/".repeat(100)}deep`,
  "con.tar.gz",
  "...".padStart(6, "x"),
];
const BAD_KEYS = [
  "",
  "/",
  "/a",
  "a/",
  "a//b",
  ".",
  "..",
  "a/..",
  "../a",
  "a/./b",
  ".hidden",
  "a/.b",
  "a\u0000b",
  "a\nb",
  "a\\b",
  "\ud800",
  "x".repeat(256),
  "x/".repeat(600),
];

/** @param start gives a new, empty store */
export function storeConformance(
  kind: string,
  start: () => Promise<StoreUnderTest>,
  { manyKeys = 1_100 }: ConformanceOptions = {},
): void {
  describe(`a ${kind} store`, () => {
    let store: Store;
    let dispose: () => Promise<void>;
    beforeEach(async () => {
      ({ store, dispose } = await start());
    });
    afterEach(async () => {
      await store.close();
      await dispose();
    });

    const read = async (key: string, options?: GetOptions) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of store.get(key, options)) chunks.push(chunk);
      return Buffer.concat(chunks);
    };
    const keys = async (prefix: string) => {
      const found: string[] = [];
      for await (const { key } of store.list(prefix)) found.push(key);
      return found;
    };

    it.each([0, 1, 64 * 1024, 64 * 1024 + 1, 512 * 1024, 1024 * 1024 - 1, 3_000_001])(
      "gives back what was put: %i bytes, at once and in pieces, of known and unknown length",
      async (sizeBytes) => {
        const bytes = randomBytes(sizeBytes);
        await store.put("whole", bytes);
        await store.put("whole-known", bytes, { sizeBytes });
        await store.put("pieces", pieces(bytes, 100_000));
        await store.put("pieces-known", pieces(bytes, 99_999), { sizeBytes });
        for (const key of ["whole", "whole-known", "pieces", "pieces-known"]) {
          expect(bytes.equals(await read(key))).toBe(true);
          expect((await store.stat(key))?.sizeBytes).toBe(sizeBytes);
        }
      },
    );

    it.each([{ sizeBytes: 50_000_000 }, {}])("carries 50 MB, announced as %j", async (announced) => {
      const block = randomBytes(1_000_000);
      const body = async function* () {
        for (let count = 0; count < 50; count++) yield block;
      };
      await store.put("large", body(), announced);
      let at = 0;
      for await (const chunk of store.get("large")) {
        for (let taken = 0; taken < chunk.length;) {
          const expected = block.subarray((at + taken) % block.length).subarray(0, chunk.length - taken);
          expect(Buffer.compare(chunk.subarray(taken, taken + expected.length), expected)).toBe(0);
          taken += expected.length;
        }
        at += chunk.length;
      }
      expect(at).toBe(50_000_000);
    });

    it("answers a stat with the key, the size and the time", async () => {
      await store.put("a/b", Buffer.from("12345"));
      const found = await store.stat("a/b");
      expect(found).toEqual({ key: "a/b", sizeBytes: 5, modifiedAt: expect.any(Date) });
      // A day is more than any clock of a medium is wrong by.
      expect(Math.abs((found?.modifiedAt.getTime() ?? 0) - Date.now())).toBeLessThan(24 * 60 * 60 * 1000);
    });

    it("overwrites, with something longer and something shorter", async () => {
      for (const text of ["first", "a longer second", "3"]) {
        await store.put("key", Buffer.from(text));
        expect((await read("key")).toString()).toBe(text);
      }
      expect(await keys("")).toEqual(["key"]);
    });

    it("takes no notice of what happens to a buffer after its put", async () => {
      const bytes = Buffer.from("before");
      await store.put("key", bytes);
      bytes.fill("x");
      expect((await read("key")).toString()).toBe("before");
    });

    it("refuses a body of another length than was announced, and keeps what was there", async () => {
      await store.put("kept", Buffer.from("old"));
      for (const body of ["long", "a", ""]) {
        const bytes = Buffer.from(body);
        await expect(store.put("kept", bytes, { sizeBytes: 3 })).rejects.toEqual(withCode("BAD_INPUT"));
        await expect(store.put("new", pieces(bytes, 1), { sizeBytes: 3 })).rejects.toEqual(
          withCode("BAD_INPUT"),
        );
      }
      expect((await read("kept")).toString()).toBe("old");
      expect(await keys("")).toEqual(["kept"]);
    });

    it("passes on what a body throws midway, and keeps what was there", async () => {
      await store.put("kept", Buffer.from("old"));
      const failure = new Error("the database is gone");
      const failing = async function* () {
        yield randomBytes(200_000);
        throw failure;
      };
      await expect(store.put("kept", failing())).rejects.toBe(failure);
      await expect(store.put("new", failing())).rejects.toBe(failure);
      expect((await read("kept")).toString()).toBe("old");
      expect(await store.stat("new")).toBeUndefined();
      expect(await keys("")).toEqual(["kept"]);
    });

    it("rejects an aborted put with the signal's reason, before, midway and at the end, and leaves nothing", async () => {
      const reason = new Error("cancelled");
      await expect(store.put("new", randomBytes(10), { signal: AbortSignal.abort(reason) })).rejects.toBe(
        reason,
      );
      for (const abortAfter of [1, 3]) {
        const controller = new AbortController();
        const body = async function* () {
          for (let piece = 1; piece <= 3; piece++) {
            yield randomBytes(100_000);
            if (piece === abortAfter) controller.abort(reason);
          }
        };
        await expect(store.put("new", body(), { signal: controller.signal })).rejects.toBe(reason);
      }
      expect(await keys("")).toEqual([]);
      expect(await store.stat("new")).toBeUndefined();
    });

    it("closes a body that it does not read to its end", async () => {
      let closed = false;
      const body = async function* () {
        try {
          yield randomBytes(10);
          yield randomBytes(10);
        } finally {
          closed = true;
        }
      };
      await expect(store.put("new", body(), { sizeBytes: 5 })).rejects.toEqual(withCode("BAD_INPUT"));
      expect(closed).toBe(true);
    });

    it("reads ranges: within, up to and past the end, and empty ones", async () => {
      const bytes = randomBytes(1_200_000);
      await store.put("key", bytes);
      const ranges: [number | undefined, number | undefined][] = [
        [0, 1],
        [5, 10],
        [undefined, 65_536],
        [65_535, 65_537],
        [500_000, undefined],
        [1_199_999, 1_200_000],
        [1_000_000, 9_999_999],
        [7, 7],
        [1_200_000, undefined],
        [5_000_000, 6_000_000],
      ];
      for (const [start, end] of ranges) {
        const range = { ...(start !== undefined && { start }), ...(end !== undefined && { end }) };
        expect(bytes.subarray(start, end).equals(await read("key", range))).toBe(true);
      }
    });

    it("refuses ranges that are none", async () => {
      await store.put("key", randomBytes(100));
      for (const range of [
        { start: -1 },
        { end: -1 },
        { start: 5, end: 4 },
        { start: 0.5 },
        { end: Number.NaN },
      ])
        await expect(read("key", range)).rejects.toEqual(withCode("BAD_INPUT"));
    });

    it("ends a read when its signal is aborted", async () => {
      await store.put("key", randomBytes(3_000_000));
      const reason = new Error("cancelled");
      await expect(read("key", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
      const controller = new AbortController();
      const reading = async () => {
        for await (const _ of store.get("key", { signal: controller.signal })) controller.abort(reason);
      };
      await expect(reading()).rejects.toBe(reason);
    });

    it("lets a reader leave early", async () => {
      await store.put("key", randomBytes(3_000_000));
      for await (const _ of store.get("key")) break;
      await store.delete("key");
      expect(await keys("")).toEqual([]);
    });

    it("says NOT_FOUND at the first read of what is not there, and undefined for its stat", async () => {
      await store.put("a/b", Buffer.from("x"));
      for (const key of ["b", "a", "a/b/c", "a/bc", "A/B"]) {
        const chunks = store.get(key);
        await expect(chunks[Symbol.asyncIterator]().next()).rejects.toEqual(withCode("NOT_FOUND"));
        expect(await store.stat(key)).toBeUndefined();
      }
    });

    it("lists by exact prefix, as a string", async () => {
      const all = ["a/1/x", "a/1/y", "a/10/x", "a/1x", "a/2", "a.b", "ab", "b"];
      for (const key of all) await store.put(key, Buffer.from("x"));
      for (const prefix of [
        "",
        "a",
        "a/",
        "a/1",
        "a/1/",
        "a/1/x",
        "a/10",
        "a/1x/",
        "b",
        "c",
        "a//",
        "../",
        "/",
        "..",
      ])
        expect((await keys(prefix)).toSorted()).toEqual(
          all.filter((key) => key.startsWith(prefix)).toSorted(),
        );
    });

    it("lists in the order of the keys' bytes, across directories", async () => {
      const all = [
        "a!",
        "a-b",
        "a.b",
        "a/b",
        "a/b-c",
        "a/b/c",
        "a0",
        "aA",
        "b/\uffee",
        "b/\u{1f98a}",
        "ä",
      ].filter(
        // "a/b" cannot be a file and a directory at once where keys are paths.
        (key) => key !== "a/b",
      );
      for (const key of all.toReversed()) await store.put(key, Buffer.from("x"));
      expect(await keys("")).toEqual(all);
    });

    it("lists sizes and times as stat gives them", async () => {
      await store.put("a/b", randomBytes(77));
      for await (const object of store.list("a/")) expect(object).toEqual(await store.stat("a/b"));
    });

    it("does not stumble over what is deleted or put while it lists", async () => {
      for (let number = 0; number < 20; number++) await store.put(`a/${number}`, Buffer.from("x"));
      const seen = new Set<string>();
      for await (const { key } of store.list("a/")) {
        expect(seen.has(key)).toBe(false);
        seen.add(key);
        await store.delete("a/9");
        await store.put("a/99", Buffer.from("x"));
      }
      for (let number = 0; number < 9; number++) expect(seen.has(`a/${number}`)).toBe(true);
    });

    it("deletes, also twice, also what never was, and nothing beside it", async () => {
      for (const key of ["a/1", "a/10", "b"]) await store.put(key, Buffer.from("x"));
      for (const key of ["a/1", "a/1", "never/was", "a"]) await store.delete(key);
      expect(await keys("")).toEqual(["a/10", "b"]);
      await store.put("a/1", Buffer.from("again"));
      expect((await read("a/1")).toString()).toBe("again");
    });

    it("keeps one of several concurrent puts of a key, whole", async () => {
      const bodies = Array.from({ length: 8 }, (_, number) => Buffer.alloc(300_000 + number, number));
      await Promise.all(bodies.map((bytes) => store.put("key", pieces(bytes, 50_000))));
      const kept = await read("key");
      expect(bodies.some((bytes) => bytes.equals(kept))).toBe(true);
      expect(await keys("")).toEqual(["key"]);
    });

    it("shows readers the old object or the new one while it is overwritten, never a mixture", async () => {
      const bodies = [Buffer.alloc(400_000, 1), Buffer.alloc(500_000, 2)];
      await store.put("key", Buffer.alloc(400_000, 1));
      const writing = (async () => {
        for (let round = 0; round < 10; round++)
          await store.put("key", pieces(bodies[round % 2] ?? Buffer.alloc(0), 70_000));
      })();
      for (let round = 0; round < 10; round++) {
        const seen = await read("key");
        expect(bodies.some((bytes) => bytes.equals(seen))).toBe(true);
      }
      await writing;
    });

    it("lists more keys than a page holds, each once and in order", async () => {
      const all = Array.from({ length: manyKeys }, (_, number) => `p${number % 7}/${number}`);
      const next = all.values();
      const putting = async () => {
        for (const key of next) await store.put(key, Buffer.from("x"));
      };
      await Promise.all(Array.from({ length: 16 }, putting));
      expect(await keys("")).toEqual(all.toSorted());
      expect(await keys("p3/1")).toEqual(all.filter((key) => key.startsWith("p3/1")).toSorted());
    });

    it("ends a look when its signal is aborted", async () => {
      await store.put("key", Buffer.from("x"));
      const reason = new Error("cancelled");
      const signal = AbortSignal.abort(reason);
      await expect(store.stat("key", { signal })).rejects.toBe(reason);
      await expect(store.delete("key", { signal })).rejects.toBe(reason);
      await expect(store.list("", { signal })[Symbol.asyncIterator]().next()).rejects.toBe(reason);
      expect(await keys("")).toEqual(["key"]);
    });

    it("reads several objects side by side, each by a reader of its own pace", async () => {
      const bodies = Array.from({ length: 6 }, (_, number) => Buffer.alloc(700_000 + number, number));
      await Promise.all(bodies.map((bytes, number) => store.put(`k${number}`, bytes)));
      const slow = store.get("k0")[Symbol.asyncIterator]();
      const { value: first } = await slow.next();
      const seen = await Promise.all(bodies.map((_, number) => read(`k${number}`)));
      expect(seen.map((bytes, number) => bodies[number]?.equals(bytes))).not.toContain(false);
      const rest: Uint8Array[] = [first];
      for (let next = await slow.next(); next.done !== true; next = await slow.next()) rest.push(next.value);
      expect(bodies[0]?.equals(Buffer.concat(rest))).toBe(true);
    });

    it("says where it is", () => {
      expect(store.kind).toBe(kind);
      expect(store.place).not.toBe("");
    });

    it("puts and deletes side by side under one prefix", async () => {
      await Promise.all(
        Array.from({ length: 30 }, async (_, number) => {
          await store.put(`shared/${number % 3}/${number}`, Buffer.from(String(number)));
          if (number % 2 === 0) await store.delete(`shared/${number % 3}/${number}`);
        }),
      );
      expect(await keys("shared/")).toHaveLength(15);
    });

    it.each(GOOD_KEYS)("takes the key %j", async (key) => {
      await store.put(key, Buffer.from(key));
      expect((await read(key)).toString()).toBe(key);
      expect((await store.stat(key))?.key).toBe(key);
      expect(await keys("")).toEqual([key]);
      await store.delete(key);
      expect(await keys("")).toEqual([]);
    });

    it.each(BAD_KEYS)("refuses the key %j", async (key) => {
      await expect(store.put(key, Buffer.from("x"))).rejects.toEqual(withCode("BAD_INPUT"));
      await expect(read(key)).rejects.toEqual(withCode("BAD_INPUT"));
      await expect(store.stat(key)).rejects.toEqual(withCode("BAD_INPUT"));
      await expect(store.delete(key)).rejects.toEqual(withCode("BAD_INPUT"));
      expect(await keys("")).toEqual([]);
    });
  });
}
