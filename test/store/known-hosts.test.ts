// known_hosts files, as ssh-keygen writes and hashes them.
import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { findKnownKeys, fingerprintOf, keyType } from "../../src/store/known-hosts.ts";

/** A key as a line of known_hosts has it: made up, for nothing signs with it. */
function makeKey(type = "ssh-ed25519") {
  const raw = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "der" }).subarray(-32);
  const field = (bytes: Buffer) => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
  const key = Buffer.concat([field(Buffer.from(type)), field(raw)]);
  return { key, text: `${type} ${key.toString("base64")}` };
}
const one = makeKey();
const other = makeKey();
const rsa = makeKey("ssh-rsa");
const believed = (text: string, host: string, port = 22) => findKnownKeys(text, host, port).believed;

describe("a known_hosts file", () => {
  it("names a host's keys, whatever their types, and nobody else's", () => {
    const text = `# comment\n\nbackup ${one.text} me@here\nother ${other.text}\nbackup ${rsa.text}\n`;
    expect(believed(text, "backup")).toEqual([one.key, rsa.key]);
    expect(believed(text, "BACKUP")).toEqual([one.key, rsa.key]);
    expect(believed(text, "back")).toEqual([]);
    expect(believed(text, "backups")).toEqual([]);
  });

  it("names hosts by lists, patterns and exceptions", () => {
    const text = `a.example,192.0.2.1 ${one.text}\n*.lan,!secret.lan,h?st ${other.text}`;
    expect(believed(text, "192.0.2.1")).toEqual([one.key]);
    expect(believed(text, "nas.lan")).toEqual([other.key]);
    expect(believed(text, "secret.lan")).toEqual([]);
    expect(believed(text, "host")).toEqual([other.key]);
    expect(believed("a.example " + one.text, "aXexample")).toEqual([]);
  });

  it("names a port that is not 22, and else the host alone counts", () => {
    const text = `[backup]:2222 ${one.text}\nbackup ${other.text}\n[::1]:2222 ${rsa.text}`;
    expect(believed(text, "backup", 2222)).toEqual([one.key]);
    expect(believed(text, "backup", 22)).toEqual([other.key]);
    expect(believed(text, "backup", 2200)).toEqual([other.key]);
    expect(believed(text, "::1", 2222)).toEqual([rsa.key]);
  });

  it("may be hashed by ssh-keygen", async () => {
    const directory = await mkdtemp(path.join(tmpdir(), "holdfast-known-"));
    const file = path.join(directory, "known_hosts");
    await writeFile(file, `backup.example ${one.text}\n[backup.example]:2222 ${other.text}\n`);
    execFileSync("ssh-keygen", ["-q", "-H", "-f", file], { stdio: "ignore" });
    const text = await readFile(file, "utf8");
    await rm(directory, { recursive: true });
    expect(text).not.toContain("backup.example");
    expect(believed(text, "backup.example")).toEqual([one.key]);
    expect(believed(text, "backup.example", 2222)).toEqual([other.key]);
    expect(believed(text, "backup")).toEqual([]);
  });

  it("revokes keys, and what it says of certificates and nonsense is passed over", () => {
    const text = [
      `@revoked * ${one.text}`,
      `@cert-authority * ${other.text}`,
      `backup ssh-rsa ${other.key.toString("base64")}`,
      "backup ssh-ed25519 !!!!",
      "backup",
      `backup ${rsa.text}`,
    ].join("\r\n");
    expect(findKnownKeys(text, "backup", 22)).toEqual({ believed: [rsa.key], revoked: [one.key] });
    expect(findKnownKeys(text, "backup", 2222).revoked).toContainEqual(one.key);
  });
});

it("prints a key's fingerprint and type as ssh-keygen does", async () => {
  const directory = await mkdtemp(path.join(tmpdir(), "holdfast-known-"));
  const file = path.join(directory, "key.pub");
  await writeFile(file, `${one.text} comment\n`);
  const printed = execFileSync("ssh-keygen", ["-l", "-f", file], { encoding: "utf8" });
  await rm(directory, { recursive: true });
  expect(printed).toContain(` ${fingerprintOf(one.key)} `);
  expect(keyType(one.key)).toBe("ssh-ed25519");
  expect(keyType(Buffer.from([0, 0, 1, 0, 1]))).toBe("");
});
