// In front of a server: holds back the COMMIT of a restore, so that a test can do something between it and an earlier one.
import { once } from "node:events";
import net from "node:net";

export interface HeldCommit extends AsyncDisposable {
  /** Of the database, through here. */
  readonly url: string;
  /** Resolves when the COMMIT of a transaction that has written an outcome is here, and has not been passed on. */
  readonly held: Promise<void>;
  /** Ends the connection: the server rolls back, and the client does not know. Later connections pass. */
  cut(): void;
}

export async function holdCommit(target: string): Promise<HeldCommit> {
  const { hostname, port } = new URL(target);
  const { promise: held, resolve } = Promise.withResolvers<void>();
  const sockets = new Set<net.Socket>();
  let holding: net.Socket | undefined;
  let isOver = false;
  const server = net.createServer((client) => {
    const upstream = net.connect(Number(port), hostname);
    let written = false;
    client.on("data", (bytes) => {
      if (bytes.includes('outcome" VALUES')) written = true;
      else if (written && !isOver && bytes.includes("COMMIT")) {
        isOver = true;
        holding = client;
        resolve();
        return;
      }
      upstream.write(bytes);
    });
    upstream.on("data", (bytes) => void client.write(bytes));
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => (socket === client ? upstream : client).destroy());
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const url = new URL(target);
  url.hostname = "127.0.0.1";
  url.port = String(typeof address === "object" ? address?.port : "");
  return {
    url: url.href,
    held,
    cut: () => void holding?.destroy(),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
