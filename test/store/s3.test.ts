// The S3 store against OpenStack Swift: the conformance suite, and what only S3 can do wrong.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe } from "vitest";
import { s3Store } from "../../src/store/s3.ts";
import { haveSwift, startSwift, SWIFT_PAGE_KEYS, type SwiftServer } from "../support/swift.ts";
import { storeConformance } from "./conformance.ts";

describe.skipIf(!haveSwift)("on Swift (Debian's swift-proxy, -account, -container and -object)", () => {
  let swift: SwiftServer;
  beforeAll(async () => {
    swift = await startSwift(`secret-${randomUUID()}`);
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
});
