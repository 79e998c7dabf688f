// Opens the socket to a PostgreSQL server: TCP or unix, plain or, after PostgreSQL's own handshake, TLS.
import net, { type OnReadOpts, type Socket } from "node:net";
import tls, { type TLSSocket } from "node:tls";

/** Where a server listens. */
export type Endpoint = { readonly path: string } | { readonly host: string; readonly port: number };

/** How a connection is to be secured, as `sslmode` in a URL says it. */
export interface TlsSettings {
  /** PREFER: goes on in the clear with a server that has no TLS. */
  readonly mode: "NEVER" | "PREFER" | "ALWAYS";
  /** `sslnegotiation=direct`: TLS from the first byte on, without asking first. */
  readonly direct: boolean;
  /** Certificates and how far they are checked. */
  readonly options: tls.ConnectionOptions;
}

/** Asks for TLS; the answer is one byte. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
const YES = 0x53;
const NO = 0x4e;

/**
 * Connects. The caller destroys the socket.
 * @param onread where a plain socket reads to; one with TLS emits `data` instead
 * @throws the error of the socket; the signal's reason when it aborts first
 */
export async function dial(
  endpoint: Endpoint,
  tlsSettings: TlsSettings,
  signal: AbortSignal,
  onread?: OnReadOpts,
): Promise<Socket | TLSSocket> {
  // Nobody secures a unix socket: PostgreSQL offers no TLS there.
  if (tlsSettings.mode === "NEVER" || "path" in endpoint) return connect(endpoint, signal, onread);
  const socket = await connect(endpoint, signal);
  try {
    if (tlsSettings.direct || (await offersTls(socket, signal))) {
      return await secure(socket, endpoint.host, tlsSettings, signal);
    }
  } catch (error) {
    socket.destroy();
    throw error;
  }
  // A second connection, so that a plain one always reads in the same way.
  socket.destroy();
  if (tlsSettings.mode === "PREFER") return connect(endpoint, signal, onread);
  throw tlsError("the server does not offer TLS, and the URL's sslmode asks for it");
}

async function connect(endpoint: Endpoint, signal: AbortSignal, onread?: OnReadOpts): Promise<Socket> {
  // Nagle's algorithm would hold small messages back for the answer to the ones before.
  const options = { ...endpoint, noDelay: true };
  const socket = net.connect(onread === undefined ? options : { ...options, onread });
  await happens(socket, "connect", signal);
  return socket;
}

async function offersTls(socket: Socket, signal: AbortSignal): Promise<boolean> {
  socket.write(SSL_REQUEST);
  await happens(socket, "readable", signal);
  const answer: unknown = socket.read();
  // Whoever sends more than the one byte hopes to have it read as if it had come through TLS.
  if (!Buffer.isBuffer(answer) || answer.length !== 1 || (answer[0] !== YES && answer[0] !== NO)) {
    throw tlsError("the answer to the request for TLS is not PostgreSQL's");
  }
  return answer[0] === YES;
}

async function secure(
  socket: Socket,
  host: string,
  settings: TlsSettings,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const secured = tls.connect({
    ...settings.options,
    socket,
    host,
    // Names of addresses are not sent; the certificate is then checked against `host`.
    ...(net.isIP(host) === 0 ? { servername: host } : {}),
    ...(settings.direct ? { ALPNProtocols: ["postgresql"] } : {}),
  });
  await happens(secured, "secureConnect", signal);
  return secured;
}

/** Waits for the event. When anything else comes first the socket is destroyed and the error of it thrown. */
function happens(socket: Socket, event: string, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onClose = (): void => reject(codedError("ECONNRESET", "the server closed the connection"));
  const onAbort = (): void => reject(signal.reason);
  socket.once(event, resolve).once("error", reject).once("close", onClose);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  return promise
    .catch((error: unknown) => {
      // An error that comes after this one has been told already.
      socket.once("error", () => undefined).destroy();
      throw error;
    })
    .finally(() => {
      socket.off(event, resolve).off("error", reject).off("close", onClose);
      signal.removeEventListener("abort", onAbort);
    });
}

/** Somebody has to change the URL or the server: no outage is told so. */
const tlsError = (message: string): Error => codedError("ERR_TLS_NOT_OFFERED", message);

function codedError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
