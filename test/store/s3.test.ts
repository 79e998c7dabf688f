// The S3 store against OpenStack Swift: the conformance suite, and what only S3 can do wrong.
import { randomBytes, randomUUID } from "node:crypto";
import { CreateMultipartUploadCommand, ListMultipartUploadsCommand } from "@aws-sdk/client-s3";
import { inspect } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { S3Declaration } from "../../src/core/store-declaration.ts";
import { s3Store } from "../../src/store/s3.ts";
import type { Store } from "../../src/store/store.ts";
import { openFailingFront } from "../support/failing-front.ts";
import { openPassage } from "../support/passage.ts";
import { haveSwift, startSwift, SWIFT_PAGE_KEYS, type SwiftServer } from "../support/swift.ts";
import { storeConformance } from "./conformance.ts";

const MARKED = `marked-secret-${randomUUID()}`;
const PART_BYTES = 16 * 1024 * 1024;

describe.skipIf(!haveSwift)("on Swift (Debian's swift-proxy, -account, -container and -object)", () => {
  let swift: SwiftServer;
  const opened: Store[] = [];
  beforeAll(async () => {
    swift = await startSwift(MARKED);
  });
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });
  afterAll(async () => {
    await swift[Symbol.asyncDispose]();
  });

  storeConformance(
    "s3",
    async () => ({
      store: s3Store({ ...swift.declaration, prefix: `/tests/${randomUUID()}/` }),
      dispose: async () => {},
    }),
    { manyKeys: SWIFT_PAGE_KEYS * 2 + 10 },
  );

  const storeOf = (change: Partial<S3Declaration> = {}): Store => {
    const store = s3Store({ ...swift.declaration, prefix: `own/${randomUUID()}`, ...change });
    opened.push(store);
    return store;
  };
  const read = async (store: Store, key: string) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of store.get(key)) chunks.push(chunk);
    return Buffer.concat(chunks);
  };
  const uploads = async () => {
    const { Uploads = [] } = await swift.admin.send(
      new ListMultipartUploadsCommand({ Bucket: swift.declaration.bucket }),
    );
    return Uploads;
  };
  const failureOf = (act: Promise<unknown>) =>
    act.then(
      () => undefined,
      (error: unknown) => error,
    );

  it("sees nothing outside its prefix, nor what is no key of a store", async () => {
    const prefix = `shared/${randomUUID()}`;
    const whole = storeOf({ prefix });
    const inner = storeOf({ prefix: `${prefix}/inner` });
    await whole.put("inner-beside/x", Buffer.from("x"));
    await inner.put("y", Buffer.from("y"));
    const keysOf = async (store: Store) => (await Array.fromAsync(store.list(""))).map(({ key }) => key);
    expect(await keysOf(inner)).toEqual(["y"]);
    expect(await keysOf(whole)).toEqual(["inner-beside/x", "inner/y"]);
    expect(() => storeOf({ prefix: "a/../b" })).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
  });

  it("also works with the newer checksums, on a server that knows them", async () => {
    const store = storeOf({ checksums: "WHEN_SUPPORTED" });
    const bytes = randomBytes(PART_BYTES + 100_000);
    await store.put("key", bytes);
    expect(bytes.equals(await read(store, "key"))).toBe(true);
  });

  it("leaves no part of an upload that is stopped or fails", async () => {
    const store = storeOf();
    const reason = new Error("cancelled");
    const controller = new AbortController();
    const piece = randomBytes(PART_BYTES / 2);
    const body = async function* (last: () => void) {
      for (let number = 0; number < 6; number++) yield piece;
      last();
      yield piece;
    };
    const stopped = store.put(
      "stopped",
      body(() => controller.abort(reason)),
      { signal: controller.signal },
    );
    await expect(stopped).rejects.toBe(reason);
    const failing = body(() => {
      throw reason;
    });
    await expect(store.put("failing", failing)).rejects.toBe(reason);
    await expect(
      store.put(
        "long",
        body(() => {}),
        { sizeBytes: PART_BYTES * 3 },
      ),
    ).rejects.toMatchObject({
      code: "BAD_INPUT",
    });
    expect(await uploads()).toEqual([]);
    expect(await Array.fromAsync(store.list(""))).toEqual([]);
  });

  it("ends uploads that a process has left, under a key's first segment alone", async () => {
    const prefix = `own/${randomUUID()}`;
    const store = storeOf({ prefix });
    const begin = (Key: string) =>
      swift.admin.send(new CreateMultipartUploadCommand({ Bucket: swift.declaration.bucket, Key }));
    for (const key of ["a/1", "a/2", "ab/1"]) await begin(`${prefix}/${key}`);
    await store.deleteUnfinished("a");
    expect((await uploads()).map(({ Key }) => Key)).toEqual([`${prefix}/ab/1`]);
    await store.deleteUnfinished("ab");
    expect(await uploads()).toEqual([]);
  });

  it("ends more uploads than a page lists, and tries once with one that is listed though it is gone", async () => {
    const prefix = `own/${randomUUID()}`;
    const front = await openFailingFront(swift.declaration.endpoint);
    const store = storeOf({ prefix, endpoint: front.url });
    const { bucket: Bucket } = swift.declaration;
    const count = 2 * SWIFT_PAGE_KEYS + 1;
    for (let n = 0; n < count; n++)
      await swift.admin.send(new CreateMultipartUploadCommand({ Bucket, Key: `${prefix}/a/${n}` }));
    const isEnding = (seen: string) => seen.startsWith("DELETE ");
    front.fail(3, 404, isEnding);
    await store.deleteUnfinished("a");
    expect(front.seen.filter(isEnding)).toHaveLength(count);
    expect(await uploads()).toHaveLength(3);
    await store.deleteUnfinished("a");
    expect(await uploads()).toEqual([]);
  });

  it("outlasts failures that pass, of whole objects and of parts", async () => {
    const front = await openFailingFront(swift.declaration.endpoint);
    const store = storeOf({ endpoint: front.url });
    front.fail(2, 503);
    await store.put("small", Buffer.from("x"));
    front.fail(2, 500, (seen) => seen.includes("partNumber=2"));
    const bytes = randomBytes(PART_BYTES * 2 + 1);
    await store.put("large", bytes);
    expect(front.seen.filter((seen) => seen.includes("partNumber=2"))).toHaveLength(3);
    front.fail(2, 500);
    expect(bytes.equals(await read(store, "large"))).toBe(true);
  });

  it("says that the store has failed where it goes on failing, and leaves no part", async () => {
    const front = await openFailingFront(swift.declaration.endpoint);
    const store = storeOf({ endpoint: front.url });
    front.fail(Number.POSITIVE_INFINITY, 500, (seen) => seen.includes("partNumber=2"));
    const put = store.put("large", randomBytes(PART_BYTES * 2 + 1));
    await expect(put).rejects.toMatchObject({
      code: "STORE_FAILED",
      retryable: true,
      message: expect.stringContaining("could not write large: InternalError: Out of order."),
    });
    expect(await uploads()).toEqual([]);
  });

  it("goes on with a read that breaks off, and no byte comes twice", async () => {
    const passage = await openPassage(swift.declaration.endpoint);
    const store = storeOf({ endpoint: `http://127.0.0.1:${passage.port}` });
    // More than all the sockets on the way hold by themselves.
    const bytes = randomBytes(24_000_000);
    await store.put("key", bytes);
    const chunks: Uint8Array[] = [];
    for await (const chunk of store.get("key")) {
      if (chunks.length === 0) passage.cutAfter(1_000_000);
      chunks.push(chunk);
    }
    expect(bytes.equals(Buffer.concat(chunks))).toBe(true);
  });

  it("ends a read of what was replaced meanwhile", async () => {
    const passage = await openPassage(swift.declaration.endpoint);
    const store = storeOf({ endpoint: `http://127.0.0.1:${passage.port}` });
    await store.put("key", randomBytes(24_000_000));
    const chunks = store.get("key")[Symbol.asyncIterator]();
    await chunks.next();
    await store.put("key", randomBytes(100));
    await passage.cut();
    await passage.mend();
    const readOn = async () => {
      while ((await chunks.next()).done !== true);
    };
    await expect(readOn()).rejects.toMatchObject({ code: "STORE_FAILED" });
  });

  it("says what is wrong with the bucket, the key and the way there, and shows no secret and no signature", async () => {
    const wrong = [
      storeOf({ bucket: "no-such-bucket" }),
      storeOf({ secretAccessKey: `${MARKED}-wrong` }),
      storeOf({ accessKeyId: "marked-secret:nobody", sessionToken: `${MARKED}-token` }),
      storeOf({ endpoint: "http://127.0.0.1:1" }),
    ];
    const failures = [];
    for (const store of wrong) {
      failures.push(await failureOf(store.stat("key")));
      failures.push(await failureOf(read(store, "key")));
      failures.push(await failureOf(store.put("key", Buffer.from("x"))));
      failures.push(await failureOf(Array.fromAsync(store.list(""))));
    }
    for (const failure of failures) expect(failure).toMatchObject({ code: "STORE_FAILED" });
    expect(failures[0]).toMatchObject({ hint: expect.stringContaining("bucket") });
    expect(failures[4]).toMatchObject({ hint: expect.stringContaining("secret") });
    expect(failures[12]).toMatchObject({ message: expect.stringContaining("ECONNREFUSED") });
    const shown = inspect([failures, wrong.map(({ place }) => place)], { depth: 20, showHidden: true });
    expect(shown).not.toMatch(/marked-secret|Authorization|X-Amz-|Signature=|Credential=/i);
  });
});
