// Whether the server at the other end is the one that is meant: decided by its host key, before anything is said to it.
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import type { ServerHostKeyAlgorithm } from "ssh2";
import { HoldfastError } from "../core/errors.ts";
import type { SftpDeclaration } from "../core/store-declaration.ts";
import { findKnownKeys, fingerprintOf, keyType } from "./known-hosts.ts";

export interface HostTrust {
  /** What to ask the server for, one way after another: a server has several keys, and shows the one that is asked for. */
  readonly algorithms: readonly (readonly ServerHostKeyAlgorithm[])[];
  /** @returns why the key is not believed; undefined if it is */
  judge(key: Buffer): HoldfastError | undefined;
}

const ALGORITHMS_OF: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  "ssh-ed25519": ["ssh-ed25519"],
  "ecdsa-sha2-nistp256": ["ecdsa-sha2-nistp256"],
  "ecdsa-sha2-nistp384": ["ecdsa-sha2-nistp384"],
  "ecdsa-sha2-nistp521": ["ecdsa-sha2-nistp521"],
  // The same keys, whichever hash the signature is made with.
  "ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"],
};
const ALL = Object.values(ALGORITHMS_OF).flat();

/** @throws HoldfastError CONFIG_INVALID for a file that was named and cannot be read */
export async function readTrust(declaration: SftpDeclaration): Promise<HostTrust> {
  const { hostKey } = declaration;
  if (hostKey === undefined) return trustKnownHosts(declaration);
  if (hostKey.startsWith("SHA256:")) return trustFingerprint(declaration, hostKey);
  const key = Buffer.from(hostKey.split(" ")[1] ?? "", "base64");
  return trustKeys(declaration, { believed: [key], revoked: [] }, "hostKey");
}

async function trustKnownHosts(declaration: SftpDeclaration): Promise<HostTrust> {
  const { host, port = 22, knownHostsFile } = declaration;
  const files =
    knownHostsFile === undefined
      ? [path.join(homedir(), ".ssh", "known_hosts"), "/etc/ssh/ssh_known_hosts"]
      : [expandHome(knownHostsFile)];
  const texts = await Promise.all(
    files.map((file) =>
      readFile(file, "utf8").catch((error: unknown) => {
        if (knownHostsFile === undefined) return "";
        const reason = error instanceof Error ? error.message : String(error);
        throw new HoldfastError("CONFIG_INVALID", `The known hosts cannot be read: ${reason}`);
      }),
    ),
  );
  const known = texts.map((text) => findKnownKeys(text, host, port));
  return trustKeys(
    declaration,
    {
      believed: known.flatMap(({ believed }) => believed),
      revoked: known.flatMap(({ revoked }) => revoked),
    },
    files[0] ?? "",
  );
}

/** @param where the keys stand: a file, or the name of a setting */
function trustKeys(
  declaration: SftpDeclaration,
  { believed, revoked }: { readonly believed: readonly Buffer[]; readonly revoked: readonly Buffer[] },
  where: string,
): HostTrust {
  const wanted = [...new Set(believed.map(keyType))].flatMap((type) => ALGORITHMS_OF[type] ?? []);
  return {
    // The others too, so that a refusal can say what the server has shown.
    algorithms: [[...wanted, ...ALL.filter((algorithm) => !wanted.includes(algorithm))]],
    judge(key) {
      if (revoked.some((other) => other.equals(key)))
        return refuse(declaration, key, "has been revoked", where);
      if (believed.some((other) => other.equals(key))) return undefined;
      return believed.length === 0
        ? refuse(declaration, key, "is not known", where)
        : refuse(declaration, key, `is not the one that ${where} names`, where);
    },
  };
}

function trustFingerprint(declaration: SftpDeclaration, fingerprint: string): HostTrust {
  const wanted = fingerprint.replaceAll("=", "");
  return {
    // A fingerprint does not say of which kind its key is.
    algorithms: [
      ALGORITHMS_OF["ssh-ed25519"] ?? [],
      ALL.filter((name) => name.startsWith("ecdsa")),
      ALGORITHMS_OF["ssh-rsa"] ?? [],
    ],
    judge: (key) =>
      fingerprintOf(key) === wanted
        ? undefined
        : refuse(declaration, key, `is not the one that hostKey names, ${wanted}`, "hostKey"),
  };
}

function refuse(
  { host, port = 22 }: SftpDeclaration,
  key: Buffer,
  problem: string,
  where: string,
): HoldfastError {
  const fingerprint = fingerprintOf(key);
  const scan = `ssh-keyscan ${port === 22 ? "" : `-p ${port} `}${host}`;
  const hint =
    where === "hostKey"
      ? `Ask whoever runs ${host} for its fingerprint, and correct hostKey; ${scan} shows its keys.`
      : `Compare the fingerprint with the one that whoever runs ${host} gives you; only if they are the same: ${scan} >> ${where}`;
  return new HoldfastError(
    "STORE_FAILED",
    `The SFTP server ${host}:${port} is not believed: its ${keyType(key)} key ${fingerprint} ${problem}.`,
    { hint, details: { reason: "HOST_KEY", fingerprint } },
  );
}

/** `~/` is the home directory of whoever runs the process. */
export function expandHome(file: string): string {
  return file.startsWith("~/") ? path.join(homedir(), file.slice(2)) : file;
}
