// One connection to an SFTP server, with calls that end when the connection does.
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import SftpClient from "ssh2-sftp-client";
import ssh2, { type ConnectConfig, type SFTPWrapper } from "ssh2";
import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import type { SftpDeclaration } from "../core/store-declaration.ts";
import { expandHome, readTrust, type HostTrust } from "./sftp-trust.ts";

const CONNECT_TIMEOUT_MS = 10_000;
const SIGN_IN_TIMEOUT_MS = 20_000;
/** A server that answers nothing for three of these is gone. */
const KEEP_ALIVE_MS = 10_000;
const CLOSE_TIMEOUT_MS = 1_000;

/** The connection, or the way to it, has failed: another one may do. */
export class ConnectionLost extends Error {}

/** Status codes of the protocol that a server answers with. */
const END_OF_FILE = 1;
const NO_SUCH_FILE = 2;
const NO_CONNECTION = 6;
const CONNECTION_LOST = 7;
const UNSUPPORTED = 8;

type Failure = Error | null | undefined;

export interface SftpConnection {
  readonly isOpen: boolean;
  /**
   * One request that is answered with a value.
   * @throws ConnectionLost; what the server answers: see `isNoSuchFile` and its siblings
   */
  ask<T>(request: (sftp: SFTPWrapper, done: (error: Failure, value: T) => void) => void): Promise<T>;
  /** One request that is answered with success. Throws as `ask` does. */
  tell(request: (sftp: SFTPWrapper, done: (error: Failure) => void) => void): Promise<void>;
  close(): Promise<void>;
}

export const isEndOfFile = (error: unknown) => isStatus(error, END_OF_FILE);
export const isNoSuchFile = (error: unknown) => isStatus(error, NO_SUCH_FILE);

function isStatus(error: unknown, ...codes: number[]): boolean {
  return error instanceof Error && "code" in error && codes.some((code) => error.code === code);
}

/** Whether the server does not know the request: one of OpenSSH's own, and the server is another. */
export function isUnsupported(error: unknown): boolean {
  return (
    isStatus(error, UNSUPPORTED) ||
    (error instanceof Error && /does not support this extended/.test(error.message))
  );
}

/**
 * @param agent where SSH_AUTH_SOCK points, for a declaration that names nothing to sign in with
 * @throws ConnectionLost where the server does not answer; HoldfastError STORE_FAILED where it is not believed or does not let
 *   us in, CONFIG_INVALID for a key that cannot be read
 */
export async function dialSftp(
  declaration: SftpDeclaration,
  agent: string | undefined,
): Promise<SftpConnection> {
  const trust = await readTrust(declaration);
  const credentials = await readCredentials(declaration, agent);
  let failure: unknown;
  for (const serverHostKey of trust.algorithms) {
    try {
      return await open(declaration, trust, {
        ...credentials,
        algorithms: { serverHostKey: [...serverHostKey] },
      });
    } catch (error) {
      // Once a key was shown, its refusal says more than that there is no key of the next kind.
      failure = isHoldfastError(failure) && error instanceof NoSuchHostKey ? failure : error;
      const isOfOtherKind = error instanceof NoSuchHostKey || isRefusal(error);
      if (!isOfOtherKind) throw error;
    }
  }
  throw failure;
}

class NoSuchHostKey extends ConnectionLost {}

function isRefusal(error: unknown): boolean {
  return isHoldfastError(error) && error.details?.["reason"] === "HOST_KEY";
}

async function readCredentials(
  declaration: SftpDeclaration,
  agentOfEnvironment: string | undefined,
): Promise<ConnectConfig> {
  const { username, password, privateKeyFile, privateKeyPassphrase: passphrase } = declaration;
  if (password !== undefined) return { username, password, tryKeyboard: false };
  if (privateKeyFile === undefined && declaration.privateKey === undefined) {
    const agent = declaration.agent ?? agentOfEnvironment;
    if (agent !== undefined) return { username, agent: expandHome(agent) };
    throw new HoldfastError("CONFIG_INVALID", `There is nothing to sign in to ${declaration.host} with.`, {
      hint: "Name a privateKeyFile, or start an ssh-agent and set SSH_AUTH_SOCK.",
    });
  }
  const name = privateKeyFile ?? "privateKey";
  const unusable = (reason: string) =>
    new HoldfastError("CONFIG_INVALID", `The private key ${name} cannot be used: ${reason}`, {
      hint: "Check the file, and privateKeyPassphrase if the key is encrypted.",
    });
  const privateKey =
    declaration.privateKey ??
    (await readFile(expandHome(name), "utf8").catch((error: unknown) => {
      throw unusable(error instanceof Error ? error.message : String(error));
    }));
  const parsed = ssh2.utils.parseKey(privateKey, passphrase);
  if (parsed instanceof Error) throw unusable(parsed.message);
  return { username, privateKey, ...(passphrase !== undefined && { passphrase }) };
}

async function open(
  { host, port = 22, username }: SftpDeclaration,
  trust: HostTrust,
  config: ConnectConfig,
): Promise<SftpConnection> {
  const socket = await connectTo(host, port);
  const pending = new Set<(error: Error) => void>();
  let end: ConnectionLost | undefined;
  const lose = (reason: string) => {
    end ??= new ConnectionLost(`${host}:${port}: ${reason}`);
    for (const reject of pending) reject(end);
  };
  const client = new SftpClient("holdfast", {
    error: (error) => lose(error instanceof Error ? error.message : String(error)),
    end: () => lose("the server has ended the connection"),
    close: () => lose("the connection is closed"),
  });
  socket.once("close", () => lose("the connection is closed"));
  let refusal: HoldfastError | undefined;
  let sftp: SFTPWrapper;
  try {
    sftp = await client.connect({
      ...config,
      sock: socket,
      hostVerifier: (key: Buffer) => {
        refusal = trust.judge(key);
        return refusal === undefined;
      },
      readyTimeout: SIGN_IN_TIMEOUT_MS,
      keepaliveInterval: KEEP_ALIVE_MS,
    });
  } catch (error) {
    socket.destroy();
    throw refusal ?? describeFailure(error, `${host}:${port}`, username);
  }
  const ask: SftpConnection["ask"] = async <T>(
    request: (sftp: SFTPWrapper, done: (error: Failure, value: T) => void) => void,
  ) => {
    if (end !== undefined) throw end;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    pending.add(reject);
    try {
      request(sftp, (error, value) => (error ? reject(error) : resolve(value)));
      return await promise;
    } catch (error) {
      throw isAnswer(error) ? error : (end ?? new ConnectionLost(`${host}:${port}: ${messageOf(error)}`));
    } finally {
      pending.delete(reject);
    }
  };
  return {
    get isOpen() {
      return end === undefined;
    },
    ask,
    tell: (request) => ask<undefined>((wrapper, done) => request(wrapper, (error) => done(error, undefined))),
    close: async () => {
      lose("the connection is closed");
      if (socket.closed) return;
      const closed = once(socket, "close");
      client.end().catch(() => undefined);
      const impatient = setTimeout(() => socket.destroy(), CLOSE_TIMEOUT_MS);
      await closed;
      clearTimeout(impatient);
    },
  };
}

/** Nagle's algorithm would hold every request back until the one before is acknowledged. */
async function connectTo(host: string, port: number): Promise<Socket> {
  const socket = connect({ host, port, noDelay: true });
  try {
    await once(socket, "connect", { signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS) });
    return socket;
  } catch (error) {
    socket.destroy();
    const isLate = error instanceof Error && error.name === "AbortError";
    throw new ConnectionLost(`${host}:${port}: ${isLate ? "no answer" : messageOf(error)}`);
  }
}

/** What goes wrong before there is a session. ssh2-sftp-client leaves of it no more than the message. */
function describeFailure(error: unknown, server: string, username: string): Error {
  const message = messageOf(error);
  if (/authentication methods failed/i.test(message)) {
    return new HoldfastError("STORE_FAILED", `The SFTP server ${server} does not let ${username} in.`, {
      hint: "Check the user name and the key (or password), and that the server knows the key.",
    });
  }
  if (/no matching host key/i.test(message)) return new NoSuchHostKey(`${server}: ${message}`);
  if (/subsystem/i.test(message))
    return new HoldfastError("STORE_FAILED", `The server ${server} lets ${username} in, but not over SFTP.`);
  return new ConnectionLost(`${server}: ${message}`);
}

/** Whether the server has answered, however badly. */
function isAnswer(error: unknown): boolean {
  const isCode = error instanceof Error && "code" in error && typeof error.code === "number";
  return isUnsupported(error) || (isCode && !isStatus(error, NO_CONNECTION, CONNECTION_LOST));
}

function messageOf(error: unknown): string {
  // A failure to connect to each of several addresses has no message of its own.
  if (error instanceof AggregateError) return messageOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
