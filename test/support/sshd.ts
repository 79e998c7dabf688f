// A real OpenSSH server on a free loopback port, for a test: its keys and configuration in a directory of its own.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import path from "node:path";
import { findFreePort } from "../../src/embedded/free-port.ts";

/** Where Debian has it; it is not in everybody's PATH, and wants to be started by its whole path. */
const SSHD = "/usr/sbin/sshd";
const PRIVILEGE_SEPARATION = "/run/sshd";
const START_TIMEOUT_MS = 30_000;

export const haveSshd = existsSync(SSHD);

export interface SshServer extends AsyncDisposable {
  /** A directory with `ssh` and `scp`, to come first in PATH: for them `backup-server` is this server. */
  readonly bin: string;
  /** Where a session on the server starts. */
  readonly home: string;
  readonly port: number;
  readonly username: string;
  /** A private key that the server lets in. */
  readonly clientKey: string;
  /** Public keys, one a line, that the server lets in. */
  readonly authorizedKeys: string;
  /** What the server shows, as `ssh-ed25519 AAAA...`: of each type one. */
  readonly hostKeys: readonly string[];
}

export interface SshdOptions {
  /** As ssh-keygen names them; left out: an ed25519 key. */
  readonly hostKeyTypes?: readonly string[];
  /** After the path of the program that speaks SFTP. */
  readonly sftpArguments?: string;
}

export async function startSshd(
  directory: string,
  { hostKeyTypes = ["ed25519"], sftpArguments = "" }: SshdOptions = {},
): Promise<SshServer> {
  const bin = path.join(directory, "ssh-bin");
  const home = path.join(directory, "ssh-home");
  const keys = path.join(directory, "ssh-keys");
  for (const made of [bin, home, keys]) await mkdir(made, { recursive: true });
  const makeKey = (type: string, name: string) => {
    execFileSync("ssh-keygen", ["-q", "-t", type, "-N", "", "-f", path.join(keys, name)]);
    return path.join(keys, name);
  };
  const clientKey = makeKey("ed25519", "client");
  const authorizedKeys = path.join(keys, "authorized_keys");
  await copyFile(`${clientKey}.pub`, authorizedKeys);
  const hostKeyFiles = hostKeyTypes.map((type) => makeKey(type, `host_${type}`));
  const hostKeys = await Promise.all(
    hostKeyFiles.map(async (file) =>
      (await readFile(`${file}.pub`, "utf8")).split(" ").slice(0, 2).join(" "),
    ),
  );
  const port = await findFreePort();
  await writeFile(
    path.join(keys, "sshd_config"),
    [
      `ListenAddress 127.0.0.1:${port}`,
      ...hostKeyFiles.map((file) => `HostKey ${file}`),
      `AuthorizedKeysFile ${authorizedKeys}`,
      "PasswordAuthentication no",
      "PermitRootLogin prohibit-password",
      // The directory for temporary files is everybody's.
      "StrictModes no",
      "UsePAM no",
      "PidFile none",
      `Subsystem sftp /usr/lib/openssh/sftp-server ${sftpArguments}`,
      `ForceCommand cd '${home}' && sh -c "$SSH_ORIGINAL_COMMAND"`,
      "",
    ].join("\n"),
  );
  await writeFile(
    path.join(keys, "ssh_config"),
    [
      "Host backup-server",
      "HostName 127.0.0.1",
      `Port ${port}`,
      `User ${userInfo().username}`,
      `IdentityFile ${keys}/client`,
      "IdentitiesOnly yes",
      "StrictHostKeyChecking no",
      "UserKnownHostsFile /dev/null",
      "LogLevel ERROR",
      "",
    ].join("\n"),
  );
  // ssh reads its user's own configuration from the home directory of the system's accounts, whatever HOME says.
  for (const program of ["ssh", "scp"]) {
    const real = execFileSync("sh", ["-c", `command -v ${program}`], { encoding: "utf8" }).trim();
    await writeFile(path.join(bin, program), `#!/bin/sh\nexec ${real} -F '${keys}/ssh_config' "$@"\n`);
    await chmod(path.join(bin, program), 0o755);
  }
  if (process.getuid?.() === 0) await mkdir(PRIVILEGE_SEPARATION, { recursive: true, mode: 0o755 });

  const server = spawn(SSHD, ["-D", "-e", "-f", path.join(keys, "sshd_config")], { stdio: "pipe" });
  let log = "";
  const listens = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`sshd does not listen:\n${log}`)), START_TIMEOUT_MS);
    server.stderr.on("data", (chunk: Buffer) => {
      log += chunk.toString();
      if (!log.includes("Server listening")) return;
      clearTimeout(timer);
      resolve();
    });
    server.once("exit", () => reject(new Error(`sshd has ended:\n${log}`)));
  });
  await listens;
  return {
    bin,
    home,
    port,
    username: userInfo().username,
    clientKey,
    authorizedKeys,
    hostKeys,
    async [Symbol.asyncDispose]() {
      if (server.exitCode !== null || server.signalCode !== null) return;
      server.kill();
      await once(server, "exit");
    },
  };
}
