// The SFTP store against a real OpenSSH server: the conformance suite, and what only SFTP can do wrong.
import { execFileSync, spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { inspect } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { SftpDeclaration } from "../../src/core/store-declaration.ts";
import { fingerprintOf } from "../../src/store/known-hosts.ts";
import { incomingName } from "../../src/store/incoming.ts";
import { sftpStore } from "../../src/store/sftp.ts";
import type { Store } from "../../src/store/store.ts";
import { openPassage } from "../support/passage.ts";
import { haveSshd, startSshd, type SshServer } from "../support/sshd.ts";
import { storeConformance } from "./conformance.ts";

describe.skipIf(!haveSshd)("on OpenSSH (Debian's openssh-server)", () => {
  let directory: string;
  let server: SshServer;
  /** Knows neither of OpenSSH's own requests, and shows several keys. */
  let plainServer: SshServer;
  const opened: Store[] = [];
  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "holdfast-sftp-"));
    server = await startSshd(path.join(directory, "one"), { hostKeyTypes: ["ed25519", "rsa", "ecdsa"] });
    plainServer = await startSshd(path.join(directory, "plain"), {
      sftpArguments: "-P posix-rename,fsync",
    });
  });
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await plainServer[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  const declarationAt = (at: SshServer, change: Partial<SftpDeclaration> = {}): SftpDeclaration => ({
    kind: "sftp",
    host: "127.0.0.1",
    port: at.port,
    username: at.username,
    privateKeyFile: at.clientKey,
    hostKey: at.hostKeys[0],
    directory: path.join(directory, "stores", randomUUID(), "made/at/first/put"),
    ...change,
  });
  const storeOf = (declaration: SftpDeclaration, agent?: string): Store => {
    const store = sftpStore(declaration, agent);
    opened.push(store);
    return store;
  };
  const read = async (store: Store, key: string) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of store.get(key)) chunks.push(chunk);
    return Buffer.concat(chunks);
  };
  const filesUnder = async (root: string) =>
    (await readdir(root, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)));

  storeConformance("sftp", async () => ({
    store: sftpStore(declarationAt(server)),
    dispose: async () => {},
  }));

  describe("a host key", () => {
    const failureOf = async (change: Partial<SftpDeclaration>): Promise<unknown> =>
      storeOf(declarationAt(server, { hostKey: undefined, ...change }))
        .stat("key")
        .then(
          () => undefined,
          (error: unknown) => error,
        );
    const knownHosts = async (...lines: string[]) => {
      const file = path.join(directory, `known-${randomUUID()}`);
      await writeFile(file, `${lines.join("\n")}\n`);
      return file;
    };
    const place = () => `[127.0.0.1]:${server.port}`;

    it("is believed if it is in the file of known hosts, whichever of the server's keys that names", async () => {
      for (const key of server.hostKeys)
        expect(await failureOf({ knownHostsFile: await knownHosts(`${place()} ${key}`) })).toBeUndefined();
    });

    it("is believed if it has the fingerprint that is declared, or is the key that is declared", async () => {
      for (const key of server.hostKeys) {
        const fingerprint = fingerprintOf(Buffer.from(key.split(" ")[1] ?? "", "base64"));
        expect(await failureOf({ hostKey: fingerprint })).toBeUndefined();
        expect(await failureOf({ hostKey: `${key} with a comment` })).toBeUndefined();
      }
    });

    it("that is not known is refused, with the command that shows it", async () => {
      const file = await knownHosts("elsewhere.example ssh-ed25519 AAAA");
      expect(await failureOf({ knownHostsFile: file })).toMatchObject({
        code: "STORE_FAILED",
        message: expect.stringMatching(/is not believed: its \S+ key SHA256:\S+ is not known/),
        hint: expect.stringContaining(`ssh-keyscan -p ${server.port} 127.0.0.1 >> ${file}`),
      });
    });

    it("that is another than the known one is refused, and so is a revoked one", async () => {
      const [strange = ""] = plainServer.hostKeys;
      const [shown = ""] = server.hostKeys;
      expect(await failureOf({ knownHostsFile: await knownHosts(`${place()} ${strange}`) })).toMatchObject({
        message: expect.stringContaining("is not the one that"),
      });
      const revoked = await knownHosts(`${place()} ${shown}`, `@revoked * ${shown}`);
      expect(await failureOf({ knownHostsFile: revoked })).toMatchObject({
        message: expect.stringContaining("has been revoked"),
      });
      expect(await failureOf({ hostKey: strange })).toMatchObject({ code: "STORE_FAILED" });
      const fingerprint = fingerprintOf(Buffer.from(strange.split(" ")[1] ?? "", "base64"));
      expect(await failureOf({ hostKey: fingerprint })).toMatchObject({
        message: expect.stringContaining("is not the one that hostKey names"),
      });
    });

    it("cannot be looked up in a file that is not there", async () => {
      expect(await failureOf({ knownHostsFile: "/nowhere/known_hosts" })).toMatchObject({
        code: "CONFIG_INVALID",
      });
    });
  });

  describe("signing in", () => {
    const lockedKey = async (passphrase: string): Promise<string> => {
      const file = path.join(directory, `key-${randomUUID()}`);
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", passphrase, "-f", file]);
      await appendFile(server.authorizedKeys, await readFile(`${file}.pub`));
      return file;
    };

    it("takes a private key that is encrypted, from a file or as text", async () => {
      const privateKeyFile = await lockedKey("open sesame");
      const unlocked = { privateKeyFile, privateKeyPassphrase: "open sesame" };
      expect(await storeOf(declarationAt(server, unlocked)).stat("key")).toBeUndefined();
      const asText = {
        ...unlocked,
        privateKeyFile: undefined,
        privateKey: await readFile(privateKeyFile, "utf8"),
      };
      expect(await storeOf(declarationAt(server, asText)).stat("key")).toBeUndefined();
    });

    it("says what is wrong with a key, and never shows a secret", async () => {
      const privateKeyFile = await lockedKey("marked-secret-1");
      const wrong = declarationAt(server, { privateKeyFile, privateKeyPassphrase: "marked-secret-2" });
      const stranger = declarationAt(server, { privateKeyFile: plainServer.clientKey });
      const password = declarationAt(server, { privateKeyFile: undefined, password: "marked-secret-3" });
      const failures = [];
      for (const declaration of [wrong, stranger, password])
        failures.push(
          await storeOf(declaration)
            .stat("key")
            .catch((error: unknown) => error),
        );
      expect(failures).toMatchObject([
        { code: "CONFIG_INVALID", message: expect.stringContaining(privateKeyFile) },
        { code: "STORE_FAILED", message: expect.stringContaining("does not let") },
        { code: "STORE_FAILED", message: expect.stringContaining("does not let") },
      ]);
      expect(inspect(failures, { depth: 20, showHidden: true })).not.toMatch(/marked-secret|PRIVATE KEY/);
    });

    it("takes the agent's keys where nothing else is named", async () => {
      const socket = path.join(directory, "agent");
      const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: ["ignore", "pipe", "ignore"] });
      try {
        await once(agent.stdout, "data");
        execFileSync("ssh-add", ["-q", server.clientKey], {
          env: { ...process.env, SSH_AUTH_SOCK: socket },
        });
        const declaration = declarationAt(server, { privateKeyFile: undefined });
        expect(await storeOf(declaration, socket).stat("key")).toBeUndefined();
        expect(await storeOf({ ...declaration, agent: socket }).stat("key")).toBeUndefined();
        await expect(storeOf(declaration).stat("key")).rejects.toMatchObject({ code: "CONFIG_INVALID" });
      } finally {
        agent.kill();
        await once(agent, "exit");
      }
    });
  });

  it("overwrites, and keeps what it takes, on a server that knows none of OpenSSH's own requests", async () => {
    const store = storeOf(declarationAt(plainServer));
    for (const text of ["first", "a longer second", "3"]) {
      await store.put("a/key", Buffer.from(text));
      expect((await read(store, "a/key")).toString()).toBe(text);
    }
  });

  it("leaves nothing of a put that fails, and sweeps what dead processes have left a day ago", async () => {
    const declaration = declarationAt(server);
    const incoming = path.join(declaration.directory, ".incoming");
    await mkdir(incoming, { recursive: true });
    const [stale, recent] = [path.join(incoming, "stale"), path.join(incoming, "recent")];
    await writeFile(stale, "half");
    await writeFile(recent, "half");
    const twoDaysAgo = new Date(Date.now() - 48 * 60 * 60 * 1000);
    await utimes(stale, twoDaysAgo, twoDaysAgo);
    const store = storeOf(declaration);
    const failing = async function* () {
      yield Buffer.alloc(3_000_000);
      throw new Error("gone");
    };
    await expect(store.put("a/b", failing())).rejects.toThrow("gone");
    await expect(store.put("a/b", Buffer.alloc(5), { sizeBytes: 4 })).rejects.toThrow("announced");
    expect(await filesUnder(declaration.directory)).toEqual([".incoming/recent"]);
    expect(await Array.fromAsync(store.list(""))).toEqual([]);
    const left = ["a/b", "a/c", "ab/c"].map(incomingName);
    for (const name of left) await writeFile(path.join(incoming, name), "half");
    await store.deleteUnfinished("a");
    expect(await filesUnder(declaration.directory)).toEqual(
      [`.incoming/${left[2]}`, ".incoming/recent"].toSorted(),
    );
  });

  it("cannot put where a file is in the way, which is the store's failure", async () => {
    const store = storeOf(declarationAt(server));
    await store.put("a", Buffer.from("x"));
    await expect(store.put("a/b", Buffer.from("x"))).rejects.toMatchObject({
      code: "STORE_FAILED",
      retryable: true,
    });
    expect((await Array.fromAsync(store.list(""))).map(({ key }) => key)).toEqual(["a"]);
  });

  describe("a connection that is lost", () => {
    const throughPassage = async () => {
      const passage = await openPassage(`sftp://127.0.0.1:${server.port}`);
      const declaration = declarationAt(server, { port: passage.port });
      return { passage, declaration, store: storeOf(declaration) };
    };

    it("in the middle of a put is made again, and the body is asked for once", async () => {
      const { passage, declaration, store } = await throughPassage();
      const bytes = randomBytes(6_000_000);
      let asked = 0;
      const body = async function* () {
        asked += 1;
        for (let at = 0; at < bytes.length; at += 500_000) {
          if (at === 2_000_000) passage.cutAfter(700_000);
          yield bytes.subarray(at, at + 500_000);
        }
      };
      await store.put("key", body());
      expect(asked).toBe(1);
      expect(bytes.equals(await read(store, "key"))).toBe(true);
      expect(await filesUnder(declaration.directory)).toEqual(["key"]);
    });

    it("in the middle of a read is made again, and no byte comes twice", async () => {
      const { passage, store } = await throughPassage();
      const bytes = randomBytes(6_000_000);
      await store.put("key", bytes);
      const chunks: Uint8Array[] = [];
      for await (const chunk of store.get("key")) {
        if (chunks.length === 0) passage.cutAfter(1_000_000);
        chunks.push(chunk);
      }
      expect(bytes.equals(Buffer.concat(chunks))).toBe(true);
    });

    it("in the middle of a read of what was replaced meanwhile ends it, for the rest is another object's", async () => {
      const { passage, declaration, store } = await throughPassage();
      await store.put("key", randomBytes(6_000_000));
      const chunks = store.get("key")[Symbol.asyncIterator]();
      await chunks.next();
      await passage.cut();
      await storeOf({ ...declaration, port: server.port }).put("key", randomBytes(5_000_000));
      await passage.mend();
      const readOn = async () => {
        while ((await chunks.next()).done !== true);
      };
      await expect(readOn()).rejects.toMatchObject({ message: expect.stringContaining("was replaced") });
    });

    it("while nobody uses it is made again without a word", async () => {
      const { passage, store } = await throughPassage();
      await store.put("key", Buffer.from("x"));
      await passage.cut();
      await passage.mend();
      expect((await store.stat("key"))?.sizeBytes).toBe(1);
    });

    it("and cannot be made again is the store's failure, after a few attempts", async () => {
      const { passage, store } = await throughPassage();
      await store.put("key", Buffer.from("x"));
      await passage.cut();
      const failed = { code: "STORE_FAILED", message: expect.stringContaining("cannot be reached") };
      await expect(store.stat("key")).rejects.toMatchObject(failed);
      await expect(read(store, "key")).rejects.toMatchObject(failed);
      await passage.mend();
      expect((await read(store, "key")).toString()).toBe("x");
    });

    it("does not keep whoever cancels", async () => {
      const { passage, store } = await throughPassage();
      await passage.cut();
      const reason = new Error("cancelled");
      const controller = new AbortController();
      const put = store.put("key", Buffer.from("x"), { signal: controller.signal });
      controller.abort(reason);
      await expect(put).rejects.toBe(reason);
    });
  });
});
