// Stands before a PostgreSQL server and speaks TLS with whoever comes, as PostgreSQL does: it answers the request for it with yes, or is
// spoken to in TLS from the first byte on. What is inside goes on to the real server.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import tls from "node:tls";

const CERTIFICATES = path.join(import.meta.dirname, "certificates");
/** Of the front, signed by itself, for `localhost` and 127.0.0.1. */
export const CERTIFICATE = path.join(CERTIFICATES, "server.crt");
const REQUEST_BYTES = 8;
const HANDSHAKE = 0x16;

export interface TlsFront extends AsyncDisposable {
  readonly port: number;
  /** Ends every connection. */
  cut(): void;
}

/** Takes nobody who speaks in the clear. @param host an address of the loopback network */
export async function openTlsFront(serverUrl: string, host = "127.0.0.1"): Promise<TlsFront> {
  const target = new URL(serverUrl);
  const options = {
    isServer: true,
    cert: readFileSync(CERTIFICATE),
    key: readFileSync(path.join(CERTIFICATES, "server.key")),
    ALPNProtocols: ["postgresql"],
  };
  const sockets = new Set<net.Socket>();
  const forward = (socket: net.Socket): void => {
    const inside = new tls.TLSSocket(socket, options);
    const onward = net.connect({ host: target.hostname, port: Number(target.port) });
    inside.pipe(onward).pipe(inside);
    for (const end of [inside, onward]) end.on("error", () => socket.destroy());
    socket.on("close", () => onward.destroy());
  };
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    socket.once("readable", () => {
      const first: unknown = socket.read();
      if (!Buffer.isBuffer(first)) return;
      const isHandshake = first[0] === HANDSHAKE;
      if (isHandshake) socket.unshift(first);
      else if (first.length === REQUEST_BYTES) socket.write("S");
      else socket.destroy();
      if (!socket.destroyed) forward(socket);
    });
  });
  server.listen(0, host);
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the front has no port");
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: address.port,
    cut,
    [Symbol.asyncDispose]: async () => {
      server.close();
      cut();
      await once(server, "close");
    },
  };
}
