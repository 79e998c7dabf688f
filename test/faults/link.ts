// The only way from one part to another: a TCP proxy on the loopback address that can be cut, and held up.
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface Link extends AsyncDisposable {
  readonly name: string;
  readonly port: number;
  /** Resets every connection, and takes no new ones. */
  cut(): void;
  /** Nothing comes through any more, and nobody is told. */
  stall(): void;
  /** What is stalled goes on; new connections are taken. */
  mend(): void;
}

export async function openLink(name: string, target: { host: string; port: number }): Promise<Link> {
  const sockets = new Set<Socket>();
  let state: "open" | "cut" | "stalled" = "open";
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket
      .setNoDelay(true)
      .on("error", () => socket.destroy())
      .on("close", () => sockets.delete(socket));
  };
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (near) => {
    if (state === "cut") {
      near.resetAndDestroy();
      return;
    }
    const far = connect({ ...target, allowHalfOpen: true });
    pass(keep(near), keep(far));
    pass(far, near);
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
    if (state === "stalled") for (const socket of [near, far]) socket.pause();
    else near.resume();
  });
  const pass = (from: Socket, to: Socket): void => {
    from.on("data", (chunk) => {
      if (to.write(chunk)) return;
      from.pause();
      to.once("drain", () => {
        if (state !== "stalled") from.resume();
      });
    });
    from.on("end", () => to.end());
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the link has no port");
  return {
    name,
    port: address.port,
    cut() {
      state = "cut";
      for (const socket of sockets) socket.resetAndDestroy();
    },
    stall() {
      state = "stalled";
      for (const socket of sockets) socket.pause();
    },
    mend() {
      state = "open";
      for (const socket of sockets) socket.resume();
    },
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}
