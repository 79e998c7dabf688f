// The server: one port for GraphQL, its WebSockets, the REST endpoints and the health checks.
import { once } from "node:events";
import { createServer as createHttpServer, type ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { HoldfastError } from "../core/errors.ts";
import { createApp } from "./app.ts";
import type { ServerDeps } from "./deps.ts";
import { createGraphql } from "./graphql.ts";
import { serveWebSockets } from "./websocket.ts";

export interface ServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export interface RunningServer {
  /** Where it listens, without a slash at the end. */
  readonly url: string;
  /**
   * Takes no more connections, ends subscriptions (their clients see the connection go, and try again), lets other
   * requests finish for up to `graceMs`, then ends them too. What was handed in stays open: its owner closes it.
   * Called again, it waits for the first call.
   */
  close(options?: { graceMs?: number }): Promise<void>;
}

/** @throws HoldfastError ADDRESS_UNAVAILABLE when the address is taken or may not be used */
export async function createServer(deps: ServerDeps, options: ServerOptions): Promise<RunningServer> {
  const graphql = createGraphql(deps);
  const eventStreams = new Set<ServerResponse>();
  let closing: Promise<void> | undefined;
  const app = createApp(deps, graphql, (response) => {
    if (closing !== undefined) response.destroy();
    eventStreams.add(response);
    response.once("close", () => eventStreams.delete(response));
  });
  const listener = getRequestListener(app.fetch);
  const server = createHttpServer((request, response) => void listener(request, response));
  const webSockets = serveWebSockets(server, graphql, deps);
  server.listen(options.port, options.host);
  await once(server, "listening").catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HoldfastError("ADDRESS_UNAVAILABLE", `The server cannot listen: ${reason}`, { cause });
  });

  const close = async (graceMs: number): Promise<void> => {
    const closed = once(server, "close");
    server.close();
    for (const response of eventStreams) response.destroy();
    const grace = setTimeout(() => server.closeAllConnections(), graceMs);
    await webSockets.close();
    await closed;
    clearTimeout(grace);
    await graphql.dispose();
  };
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : options.port;
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  return {
    url: `http://${host}:${port}`,
    close: ({ graceMs = 10_000 } = {}) => (closing ??= close(graceMs)),
  };
}
