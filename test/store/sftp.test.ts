// The SFTP store against a real OpenSSH server: the conformance suite, and what only SFTP can do wrong.
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe } from "vitest";
import type { SftpDeclaration } from "../../src/core/store-declaration.ts";
import { sftpStore } from "../../src/store/sftp.ts";
import { haveSshd, startSshd, type SshServer } from "../support/sshd.ts";
import { storeConformance } from "./conformance.ts";

describe.skipIf(!haveSshd)("on OpenSSH (Debian's openssh-server)", () => {
  let directory: string;
  let server: SshServer;
  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "holdfast-sftp-"));
    server = await startSshd(directory);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  const declaration = (change: Partial<SftpDeclaration> = {}): SftpDeclaration => ({
    kind: "sftp",
    host: "127.0.0.1",
    port: server.port,
    username: server.username,
    privateKeyFile: server.clientKey,
    hostKey: server.hostKeys[0],
    directory: path.join(directory, "stores", randomUUID(), "made/at/first/put"),
    ...change,
  });

  storeConformance("sftp", async () => ({ store: sftpStore(declaration()), dispose: async () => {} }));
});
