// A real S3 server that is not ours, for tests: OpenStack Swift with its S3 interface, from Debian's packages, on loopback
// ports. It checks signatures, and knows multipart uploads, ranges and pages of listings.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import type { S3Declaration } from "../../src/core/store-declaration.ts";

/** Debian's own: its modules are out of the way of any other Python. */
const PYTHON = "/usr/bin/python3";
const NEEDED = ["account", "container", "obj", "proxy"].map(
  (name) => `/usr/lib/python3/dist-packages/swift/${name}/server.py`,
);

/** Without them the tests are skipped; .ci/run installs them. */
export const haveSwift = [PYTHON, ...NEEDED].every((file) => existsSync(file));

/** Keys in one page of a listing; Amazon's has 1,000. */
export const SWIFT_PAGE_KEYS = 25;
const BUCKET = "holdfast-backups";
const ACCESS_KEY_ID = "holdfast:tests";

export interface SwiftServer extends AsyncDisposable {
  /** Of a bucket that is there. */
  readonly declaration: S3Declaration & {
    readonly endpoint: string;
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
  };
  /** As the administrator of the bucket; closed with the server. */
  readonly admin: S3Client;
}

/** @param secretAccessKey what requests are signed with */
export async function startSwift(secretAccessKey: string): Promise<SwiftServer> {
  const directory = await mkdtemp(path.join(tmpdir(), "holdfast-swift-"));
  const script = path.join(import.meta.dirname, "swift-server.py");
  const server = spawn(PYTHON, [script, directory, secretAccessKey, String(SWIFT_PAGE_KEYS)], {
    stdio: "pipe",
  });
  let log = "";
  server.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const ended = once(server, "exit");
  const [port] = await Promise.race([
    once(createInterface(server.stdout), "line"),
    ended.then(() => Promise.reject(new Error(`Swift has ended:\n${log}`))),
  ]);
  const endpoint = `http://127.0.0.1:${port}`;
  const credentials = { accessKeyId: ACCESS_KEY_ID, secretAccessKey };
  const admin = new S3Client({
    ...{ endpoint, credentials, region: "us-east-1", forcePathStyle: true },
    requestChecksumCalculation: "WHEN_REQUIRED",
  });
  await admin.send(new CreateBucketCommand({ Bucket: BUCKET }));
  return {
    declaration: { kind: "s3", bucket: BUCKET, endpoint, ...credentials },
    admin,
    async [Symbol.asyncDispose]() {
      admin.destroy();
      server.stdin.end();
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
