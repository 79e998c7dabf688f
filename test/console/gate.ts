// A way to the database on which a backup's COPY stops after so many bytes, and waits until the test lets it go on.
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface Gate extends AsyncDisposable {
  /** The database's URL, by way of the gate. */
  readonly url: string;
  /** From now on backups are sent so many bytes, and then nothing until `open`. */
  closeAfter(bytes: number): void;
  open(): void;
}

/** What the sessions of a backup call themselves in PostgreSQL's startup message. */
const OF_A_BACKUP = "holdfast backup";

export async function openGate(databaseUrl: string): Promise<Gate> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  const waiting = new Set<Socket>();
  let leftBytes = Number.POSITIVE_INFINITY;
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on("error", () => socket.destroy()).on("close", () => sockets.delete(socket));
  };
  const server = createServer((near) => {
    const far = keep(connect(Number(target.port), target.hostname));
    keep(near);
    let isBackup = false;
    near.once("data", (startup: Buffer) => {
      isBackup = startup.includes(OF_A_BACKUP);
    });
    near.pipe(far);
    far.on("data", (bytes: Buffer) => {
      near.write(bytes);
      if (!isBackup) return;
      leftBytes -= bytes.length;
      if (leftBytes > 0) return;
      far.pause();
      waiting.add(far);
    });
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the gate has no port");
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${address.port}`;
  return {
    url: url.href,
    closeAfter(bytes) {
      leftBytes = bytes;
    },
    open() {
      leftBytes = Number.POSITIVE_INFINITY;
      for (const socket of waiting) socket.resume();
      waiting.clear();
    },
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}
