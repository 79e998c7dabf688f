import { describe, expect, it } from "vitest";
import { deriveKey, openSecret, sealSecret } from "../../src/codec/seal.ts";

const key = deriveKey("a server's secret of some length", "run secrets");
const runId = "4be0643f-1d98-473b-97cd-ca98a65347dd";
const secret = "correct horse battery staple, höher";

describe("sealSecret", () => {
  it("is opened by the same key for the same run", () => {
    expect(openSecret(key, runId, sealSecret(key, runId, secret))).toBe(secret);
    expect(openSecret(key, runId, sealSecret(key, runId, ""))).toBe("");
  });

  it("never gives the same text twice, and never the secret itself", () => {
    const sealed = [sealSecret(key, runId, secret), sealSecret(key, runId, secret)];
    expect(sealed[0]).not.toBe(sealed[1]);
    for (const text of sealed)
      expect(Buffer.from(text, "base64url").toString("latin1")).not.toContain("horse");
  });
});

describe("openSecret", () => {
  it("refuses another key and another run", () => {
    const sealed = sealSecret(key, runId, secret);
    const otherKey = deriveKey("another server's secret", "run secrets");
    expect(() => openSecret(otherKey, runId, sealed)).toThrow(
      expect.objectContaining({ code: "SECRET_LOST" }),
    );
    expect(() => openSecret(key, "another run", sealed)).toThrow(
      expect.objectContaining({ code: "SECRET_LOST" }),
    );
  });

  it("refuses every flipped bit and every shorter text", () => {
    const bytes = Buffer.from(sealSecret(key, runId, secret).slice("v1.".length), "base64url");
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = Buffer.from(bytes);
      damaged.writeUInt8((damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7)), bit >> 3);
      const sealed = `v1.${damaged.toString("base64url")}`;
      expect(() => openSecret(key, runId, sealed)).toThrow(expect.objectContaining({ code: "SECRET_LOST" }));
    }
    for (let length = 0; length < bytes.length; length++) {
      const sealed = `v1.${bytes.toString("base64url", 0, length)}`;
      expect(() => openSecret(key, runId, sealed)).toThrow(expect.objectContaining({ code: "SECRET_LOST" }));
    }
  });

  it("refuses text that is no sealed secret", () => {
    for (const text of ["", "v1.", "v2.abc", "passphrase"])
      expect(() => openSecret(key, runId, text)).toThrow(expect.objectContaining({ code: "SECRET_LOST" }));
  });
});

describe("deriveKey", () => {
  it("gives 32 bytes, the same for the same secret and purpose and others for others", () => {
    expect(key).toHaveLength(32);
    expect(deriveKey("a server's secret of some length", "run secrets")).toEqual(key);
    expect(deriveKey("a server's secret of some length", "sessions")).not.toEqual(key);
    expect(deriveKey("another secret", "run secrets")).not.toEqual(key);
  });
});
