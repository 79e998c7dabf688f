// age files: against the age command in both directions, at every edge of a chunk, and damaged in every way.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  checkRecipients,
  createAgeEncryptor,
  encryptToPassphrase,
  encryptToRecipients,
  generateIdentity,
  openAge,
  type AgeKeyPair,
  type Opener,
} from "../../src/codec/age.ts";
import { haveTools, shell, shellOnTerminal } from "../support/stock-tools.ts";
import { CHUNK_BYTES, collect, errorOf, flipped, noise } from "./fixtures.ts";

const SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 3 * CHUNK_BYTES + 17];
const TAG_BYTES = 16;
const PASSPHRASE = "correct horse battery staple, höher";
/** Deriving a key takes a second, and several where the machine is busy. */
const SCRYPT_TIMEOUT_MS = 120_000;

let directory: string;
let key: AgeKeyPair;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "holdfast-age-"));
  key = await generateIdentity();
});
afterAll(() => rm(directory, { recursive: true }));

/** The plain text, undefined if the file is for somebody else. */
async function open(file: Uint8Array, opener: Opener): Promise<Buffer | undefined> {
  const chunks = await openAge(file, opener, "file");
  return chunks && (await collect(chunks));
}

describe("encryptToRecipients", () => {
  it.each(SIZES)("is opened with any recipient's identity: %i bytes", async (sizeBytes) => {
    const other = await generateIdentity();
    const plain = noise(sizeBytes);
    const file = await encryptToRecipients(plain, [other.recipient, key.recipient]);
    expect(await open(file, { identity: key.identity })).toEqual(plain);
    expect(await open(file, { identity: other.identity })).toEqual(plain);
  });

  it("is nothing to an identity that is no recipient's, nor to a passphrase", async () => {
    const file = await encryptToRecipients(noise(10), [key.recipient]);
    const other = await generateIdentity();
    expect(await open(file, { identity: other.identity })).toBeUndefined();
    expect(await open(file, { passphrase: "x" })).toBeUndefined();
  });

  it("takes an identity file's text, with its comments and further identities", async () => {
    const other = await generateIdentity();
    const text = `# created: today\n# public key: ${key.recipient}\n${other.identity}\r\n\n  ${key.identity}\n`;
    expect(await open(await encryptToRecipients(noise(10), [key.recipient]), { identity: text })).toEqual(
      noise(10),
    );
  });
});

describe("createAgeEncryptor", () => {
  it("makes no difference of how the bytes are cut: byte by byte, or across the edges of chunks", async () => {
    const plain = noise(2 * CHUNK_BYTES + 5);
    for (const step of [1, 1000, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, plain.length]) {
      const encryptor = await createAgeEncryptor({ recipients: [key.recipient] });
      const file: Buffer[] = [];
      for (let at = 0; at < plain.length; at += step)
        file.push(...encryptor.update(plain.subarray(at, at + step)), ...encryptor.update(new Uint8Array(0)));
      file.push(...encryptor.final());
      expect(await open(Buffer.concat(file), { identity: key.identity })).toEqual(plain);
    }
  });

  it("gives out every chunk as soon as the next one begins", async () => {
    const encryptor = await createAgeEncryptor({ recipients: [key.recipient] });
    const head = encryptor.update(noise(CHUNK_BYTES)).reduce((sum, bytes) => sum + bytes.length, 0);
    const chunk = encryptor.update(noise(1)).reduce((sum, bytes) => sum + bytes.length, 0);
    expect(head).toBeLessThan(1000);
    expect(chunk).toBe(CHUNK_BYTES + TAG_BYTES);
  });
});

describe("encryptToPassphrase", { timeout: SCRYPT_TIMEOUT_MS }, () => {
  it("is opened with the passphrase and no other", async () => {
    const file = await encryptToPassphrase(noise(100), PASSPHRASE);
    expect(await open(file, { passphrase: PASSPHRASE })).toEqual(noise(100));
    expect(await open(file, { passphrase: `${PASSPHRASE} ` })).toBeUndefined();
    expect(await open(file, { identity: key.identity })).toBeUndefined();
  });

  it("refuses an empty passphrase", async () => {
    await expect(encryptToPassphrase(noise(1), "")).rejects.toEqual(errorOf("BAD_INPUT"));
  });

  it("leaves the event loop free while the key is derived", async () => {
    let turned = false;
    setImmediate(() => (turned = true));
    await encryptToPassphrase(noise(1), PASSPHRASE);
    expect(turned).toBe(true);
  });
});

describe("checkRecipients", () => {
  const changedChecksum = () => key.recipient.slice(0, -1) + (key.recipient.endsWith("q") ? "p" : "q");
  it.each([
    ["none", () => []],
    ["an empty one", () => [""]],
    ["a mistyped one", () => [changedChecksum()]],
    ["one in capitals", () => [key.recipient.toUpperCase()]],
    ["an ssh key", () => ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEUjMm6l"]],
    ["a post-quantum one", () => [`age1pq1${"q".repeat(1950)}`]],
    ["an identity by mistake", () => [key.identity]],
    ["a good one and a bad one", () => [key.recipient, "age1x"]],
  ])("refuses %s", async (_, recipients) => {
    expect(() => checkRecipients(recipients())).toThrow(errorOf("BAD_RECIPIENT"));
    await expect(encryptToRecipients(noise(1), recipients())).rejects.toEqual(errorOf("BAD_RECIPIENT"));
  });

  it("never repeats what it was given: it may be an identity", () => {
    expect(() => checkRecipients([key.identity])).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("SECRET") }),
    );
  });
});

describe("openAge", () => {
  let file: Buffer;
  let headerBytes: number;
  const plain = noise(2 * CHUNK_BYTES + 100);
  beforeAll(async () => {
    file = await encryptToRecipients(plain, [key.recipient]);
    headerBytes = file.indexOf("\n", file.indexOf("\n---") + 1) + 1;
  });

  it("refuses a flipped bit in every byte of the header and at every edge of the payload", async () => {
    const payload = headerBytes + 16;
    const edges = [headerBytes, payload - 1];
    for (let chunk = payload; chunk < file.length; chunk += CHUNK_BYTES + TAG_BYTES)
      edges.push(chunk, chunk + 1, Math.min(chunk + CHUNK_BYTES, file.length - TAG_BYTES));
    edges.push(file.length - 1);
    for (const at of [...Array(headerBytes).keys(), ...edges]) {
      const damaged = open(flipped(file, at * 8 + (at % 8)), { identity: key.identity });
      // A flip in the stanza makes it another's; everything else is damage.
      await damaged.then(
        (opened) => expect(opened).toBeUndefined(),
        (error: unknown) => expect(error).toEqual(errorOf("ARTIFACT_CORRUPT")),
      );
    }
  });

  it("refuses a cut at every edge of a chunk, in the header and in the nonce", async () => {
    const cuts = [0, 1, headerBytes - 1, headerBytes, headerBytes + 15, headerBytes + 16];
    for (let at = headerBytes + 16; at < file.length; at += CHUNK_BYTES + TAG_BYTES)
      cuts.push(at, at + 1, at + TAG_BYTES, at + TAG_BYTES + 1, at + CHUNK_BYTES);
    cuts.push(file.length - 1);
    for (const length of cuts.filter((cut) => cut < file.length)) {
      const opened = open(file.subarray(0, length), { identity: key.identity });
      await expect(opened, `${length} bytes`).rejects.toEqual(errorOf("ARTIFACT_CORRUPT"));
    }
  });

  it("refuses bytes after the last chunk, a doubled chunk and chunks in another order", async () => {
    const start = headerBytes + 16;
    const chunk = (number: number) =>
      file.subarray(
        start + number * (CHUNK_BYTES + TAG_BYTES),
        start + (number + 1) * (CHUNK_BYTES + TAG_BYTES),
      );
    const head = file.subarray(0, start);
    for (const pieces of [
      [file, Buffer.from("x")],
      [file, Buffer.alloc(TAG_BYTES)],
      [file, chunk(2)],
      [head, chunk(0), chunk(0), chunk(1), chunk(2)],
      [head, chunk(1), chunk(0), chunk(2)],
      [head, chunk(0), chunk(2)],
    ])
      await expect(open(Buffer.concat(pieces), { identity: key.identity })).rejects.toEqual(
        errorOf("ARTIFACT_CORRUPT"),
      );
  });

  it("refuses an empty last chunk, which would hide a cut at a chunk's edge", async () => {
    const whole = await encryptToRecipients(noise(CHUNK_BYTES), [key.recipient]);
    const empty = await encryptToRecipients(noise(0), [key.recipient]);
    const file = Buffer.concat([whole, empty.subarray(-TAG_BYTES)]);
    await expect(open(file, { identity: key.identity })).rejects.toEqual(errorOf("ARTIFACT_CORRUPT"));
  });

  it("does not search for the end of a header without end", async () => {
    const endless = Buffer.concat([
      Buffer.from("age-encryption.org/v1\n"),
      Buffer.alloc(3_000_000, "-> x y\n"),
    ]);
    await expect(open(endless, { identity: key.identity })).rejects.toEqual(errorOf("ARTIFACT_CORRUPT"));
  });

  it(
    "refuses a passphrase stanza that would take gigabytes or stands beside others",
    { timeout: SCRYPT_TIMEOUT_MS },
    async () => {
      const scrypt = await encryptToPassphrase(noise(1), PASSPHRASE);
      const header = scrypt.toString("latin1");
      const greedy = Buffer.from(header.replace(/^(-> scrypt \S+) 18$/m, "$1 30"), "latin1");
      await expect(open(greedy, { passphrase: PASSPHRASE })).rejects.toEqual(errorOf("ARTIFACT_CORRUPT"));
      const twice = Buffer.from(header.replace(/^(-> scrypt .*\n.*\n)/m, "$1$1"), "latin1");
      await expect(open(twice, { passphrase: PASSPHRASE })).rejects.toEqual(errorOf("ARTIFACT_CORRUPT"));
    },
  );

  it("refuses what is no identity, without repeating it", async () => {
    for (const identity of ["", "# only a comment\n", "AGE-SECRET-KEY-1QQQ", "hunter2"]) {
      const opened = open(file, { identity });
      await expect(opened).rejects.toEqual(errorOf("BAD_INPUT"));
      await expect(opened).rejects.not.toThrow(/QQQ|hunter2/);
    }
  });
});

describe.skipIf(!haveTools("age", "age-keygen"))("the age command", () => {
  it.each(SIZES)(
    "opens what we encrypt to recipients, and we what it encrypts: %i bytes",
    async (sizeBytes) => {
      const plain = noise(sizeBytes);
      await writeFile(path.join(directory, "identity.txt"), `${key.identity}\n`);
      await writeFile(path.join(directory, "ours.age"), await encryptToRecipients(plain, [key.recipient]));
      expect(shell("age -d -i identity.txt ours.age", directory)).toEqual(plain);
      await writeFile(path.join(directory, "plain"), plain);
      shell(`age -r ${key.recipient} -o theirs.age plain`, directory);
      expect(
        await open(await readFile(path.join(directory, "theirs.age")), { identity: key.identity }),
      ).toEqual(plain);
    },
  );

  it("knows our identities, and we know those of age-keygen", async () => {
    await writeFile(path.join(directory, "identity.txt"), `${key.identity}\n`);
    expect(shell("age-keygen -y identity.txt", directory).toString().trim()).toBe(key.recipient);
    const theirs = shell("age-keygen 2>/dev/null", directory).toString();
    const recipient = /age1\w+/.exec(theirs)?.[0] ?? "";
    const file = await encryptToRecipients(noise(5), [key.recipient, recipient]);
    expect(await open(file, { identity: theirs })).toEqual(noise(5));
  });

  it(
    "opens what we encrypt to a passphrase, and we what it encrypts",
    { timeout: SCRYPT_TIMEOUT_MS },
    async () => {
      const plain = noise(CHUNK_BYTES + 1);
      await writeFile(path.join(directory, "ours.age"), await encryptToPassphrase(plain, PASSPHRASE));
      await writeFile(path.join(directory, "plain"), plain);
      await shellOnTerminal("age -d -o opened ours.age", directory, PASSPHRASE);
      await shellOnTerminal("age -p -o theirs.age plain", directory, PASSPHRASE);
      expect(await readFile(path.join(directory, "opened"))).toEqual(plain);
      expect(
        await open(await readFile(path.join(directory, "theirs.age")), { passphrase: PASSPHRASE }),
      ).toEqual(plain);
    },
  );
});
