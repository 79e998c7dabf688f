// Which keys an SSH server may show: what a known_hosts file says of a host, read as OpenSSH reads it (sshd(8), "SSH_KNOWN_HOSTS
// FILE FORMAT"): names hashed or not, patterns, ports, revoked keys.
import { createHash, createHmac } from "node:crypto";

/** Keys as they go over the wire. */
export interface KnownKeys {
  readonly believed: readonly Buffer[];
  /** Never believed, whatever else the file says. */
  readonly revoked: readonly Buffer[];
}

const DEFAULT_PORT = 22;

/** What the file says of a host: under `[host]:port` for a port that is not 22, and else under the host's name alone. */
export function findKnownKeys(text: string, host: string, port: number): KnownKeys {
  const plain = host.toLowerCase();
  const withPort = port === DEFAULT_PORT ? plain : `[${plain}]:${port}`;
  const entries = text.split(/\r?\n/).flatMap(parseLine);
  const keysOf = (marker: string, name: string) =>
    entries.filter((entry) => entry.marker === marker && matches(entry.hosts, name)).map(({ key }) => key);
  const exact = keysOf("", withPort);
  return {
    believed: exact.length > 0 ? exact : keysOf("", plain),
    revoked: [...new Set([withPort, plain])].flatMap((name) => keysOf("@revoked", name)),
  };
}

interface Entry {
  /** "", "@revoked" or "@cert-authority" (which speaks of certificates, not of keys). */
  readonly marker: string;
  readonly hosts: string;
  readonly key: Buffer;
}

/** None for a comment, and for what is no entry: OpenSSH skips such lines, too. */
function parseLine(line: string): Entry[] {
  const fields = line.trim().split(/[ \t]+/);
  const marker = fields[0]?.startsWith("@") === true ? (fields.shift() ?? "") : "";
  const [hosts = "", type = "", encoded = ""] = fields;
  if (hosts.startsWith("#") || encoded === "") return [];
  const key = Buffer.from(encoded, "base64");
  return keyType(key) === type ? [{ marker, hosts, key }] : [];
}

function matches(hosts: string, name: string): boolean {
  const hashed = /^\|1\|([^|]+)\|([^|]+)$/.exec(hosts);
  if (hashed !== null) {
    const [, salt = "", hash] = hashed;
    return createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest("base64") === hash;
  }
  const patterns = hosts.toLowerCase().split(",");
  if (patterns.some((pattern) => pattern.startsWith("!") && isLike(name, pattern.slice(1)))) return false;
  return patterns.some((pattern) => !pattern.startsWith("!") && isLike(name, pattern));
}

/** With `*` for any characters and `?` for one. */
function isLike(name: string, pattern: string): boolean {
  const source = pattern.replaceAll(/[\\^$.|+()[\]{}/-]/g, String.raw`\$&`);
  return new RegExp(`^${source.replaceAll("*", ".*").replaceAll("?", ".")}$`).test(name);
}

/** "ssh-ed25519", ...: what the key says of itself; "" for what is no key. */
export function keyType(key: Buffer): string {
  if (key.length < 4) return "";
  const lengthBytes = key.readUInt32BE(0);
  return lengthBytes > key.length - 4 ? "" : key.toString("latin1", 4, 4 + lengthBytes);
}

/** As `ssh-keygen -l` prints it: `SHA256:...`, without padding. */
export function fingerprintOf(key: Buffer): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replaceAll("=", "")}`;
}
