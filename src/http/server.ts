// The server: one port for GraphQL, its WebSockets, the REST endpoints and the health checks.
import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { HoldfastError } from "../core/errors.ts";
import { createApp } from "./app.ts";
import type { ServerDeps } from "./deps.ts";
import { createKeeping } from "../transfer/keep-backups.ts";
import { createGraphql, type GraphqlOptions } from "./graphql.ts";
import { trustProxies } from "./peer.ts";
import { attend } from "./request.ts";
import { bringsGraphqlFile } from "./graphql-upload.ts";
import { afterClose } from "./rest/departure.ts";
import { UPLOAD_PATH } from "./rest/paths.ts";
import { createPlaces } from "./rest/places.ts";
import { serveWebSockets } from "./websocket.ts";

export interface ServerOptions extends GraphqlOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Backups and restores that clients take or bring at the same time; left out: 4. */
  readonly maxStreams?: number;
  /** How long a client may take nothing of what it is sent, or send nothing of its file; left out: two minutes. */
  readonly stallMs?: number;
  /** How long a request may take to arrive, unless it brings a file; left out: five minutes. */
  readonly requestMs?: number;
  /** Addresses and networks of proxies whose word on who asks is taken; left out: none. */
  readonly trustedProxies?: readonly string[] | undefined;
}

const HEADERS_MS = 60_000;

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
  const graphql = createGraphql({ ...deps, keeping: createKeeping(deps) }, options);
  const readOrigin = trustProxies(options.trustedProxies ?? []);
  const eventStreams = new Set<ServerResponse>();
  let closing: Promise<void> | undefined;
  const places = createPlaces(options.maxStreams ?? 4);
  const app = createApp(deps, {
    graphql,
    transfers: {
      ...deps,
      places,
      stallMs: options.stallMs ?? 120_000,
      recheckRightsMs: deps.recheckRightsMs ?? 2_000,
    },
    readOrigin,
    onEventStream(response) {
      if (closing !== undefined) response.destroy();
      eventStreams.add(response);
      response.once("close", () => eventStreams.delete(response));
    },
  });
  const answer = getRequestListener(app.fetch);
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    if (!bringsFile(request)) endIfSlow(request, response, options.requestMs ?? 300_000);
    attend(request, response, deps.log, () => void answer(request, response));
  };
  // Node's own bound on how long a request may take holds for all of them, uploads too.
  const server = createHttpServer({ requestTimeout: 0, headersTimeout: HEADERS_MS }, listener);
  server.on("checkContinue", (request, response) => {
    if (!bringsFile(request)) response.writeContinue();
    listener(request, response);
  });
  const webSockets = serveWebSockets(server, graphql, { ...deps, readOrigin });
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
    await places.empty();
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

function bringsFile(request: IncomingMessage): boolean {
  return (request.url?.startsWith(`${UPLOAD_PATH}/`) ?? false) || bringsGraphqlFile(request);
}

function endIfSlow(request: IncomingMessage, response: ServerResponse, requestMs: number): void {
  const timer = setTimeout(() => {
    if (!request.complete) request.destroy();
  }, requestMs);
  afterClose(response, () => clearTimeout(timer));
}
