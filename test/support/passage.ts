// A way to a database or another server that a test can cut, as an outage does, and open again.
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

export interface Passage {
  /** The server's URL, by way of the passage. */
  readonly url: string;
  readonly port: number;
  /** Ends every connection once so many more bytes have come through, in both directions together; new ones are taken. */
  cutAfter(sizeBytes: number): void;
  /** Ends every connection and refuses new ones. */
  cut(): Promise<void>;
  /** Takes connections again, at the same address; to the server of another URL from now on, if one is given. */
  mend(serverUrl?: string): Promise<void>;
}

/** Closed when the test ends. */
export async function openPassage(serverUrl: string): Promise<Passage> {
  let target = new URL(serverUrl);
  const sockets = new Set<Socket>();
  let leftBytes = Number.POSITIVE_INFINITY;
  const count = (chunk: Buffer): void => {
    leftBytes -= chunk.length;
    if (leftBytes > 0) return;
    leftBytes = Number.POSITIVE_INFINITY;
    for (const socket of sockets) socket.destroy();
  };
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on("error", () => socket.destroy()).on("close", () => sockets.delete(socket));
  };
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    keep(near).pipe(keep(far)).pipe(near);
    near.on("data", count);
    far.on("data", count);
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  });
  const listen = async (port: number): Promise<number> => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the passage has no port");
    return address.port;
  };
  const cut = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, "close");
  };
  const port = await listen(0);
  onTestFinished(cut);
  const url = new URL(serverUrl);
  url.host = `127.0.0.1:${port}`;
  return {
    url: url.href,
    port,
    cutAfter(sizeBytes) {
      leftBytes = sizeBytes;
    },
    cut,
    async mend(otherUrl) {
      if (otherUrl !== undefined) target = new URL(otherUrl);
      await listen(port);
    },
  };
}
