// Stands before an S3 server and makes it as bad as stores can be: it fails, breaks answers off, and is slow.
import { once } from "node:events";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";

/**
 * `errors`: most requests are answered with 500 or 503, or not at all; some of those are carried out all the same. `short`: most
 * bodies end early. `slow`: every answer takes seconds.
 */
export type Manner = "sound" | "errors" | "short" | "slow";

export interface StoreFront extends AsyncDisposable {
  readonly port: number;
  behave(manner: Manner): void;
}

const SLOW_MS = 1_500;

/** The requests' order is the machine's, so what befalls the nth of them is a pattern and not a choice of the seed's. */
export async function openStoreFront(target: URL): Promise<StoreFront> {
  let manner: Manner = "sound";
  let count = 0;
  const server = createServer((incoming, outgoing) => {
    count += 1;
    void answer(target, incoming, outgoing, manner, count).catch(() => outgoing.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the front has no port");
  return {
    port: address.port,
    behave(next) {
      manner = next;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function answer(
  target: URL,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  manner: Manner,
  count: number,
): Promise<void> {
  if (manner === "slow") await delay(SLOW_MS);
  const fate =
    manner === "errors" ? (["fail", "reset", "lose the answer", "serve"] as const)[count % 4] : "serve";
  if (fate === "reset") {
    incoming.socket.resetAndDestroy();
    return;
  }
  if (fate === "fail") {
    incoming.resume();
    outgoing.writeHead(count % 8 < 4 ? 500 : 503, { "content-type": "application/xml" });
    outgoing.end("<Error><Code>InternalError</Code><Message>Out of order.</Message></Error>");
    return;
  }
  const onward = request({
    host: target.hostname,
    port: target.port,
    method: incoming.method,
    path: incoming.url,
    headers: incoming.headers,
  });
  // A client that is gone takes its request with it.
  outgoing.on("close", () => onward.destroy());
  const replied = Promise.withResolvers<IncomingMessage>();
  onward.on("response", replied.resolve).on("error", replied.reject);
  pipeline(incoming, onward).catch(() => onward.destroy());
  const reply = await replied.promise;
  if (fate === "lose the answer") {
    reply.resume();
    outgoing.destroy();
    return;
  }
  outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
  if (incoming.method === "HEAD") {
    // Swift sends a body with some of these answers, and there is to be none.
    reply.on("error", () => undefined).resume();
    outgoing.end();
    return;
  }
  const isShort = manner === "short" && count % 4 !== 0 && incoming.method === "GET";
  if (!isShort) {
    await pipeline(reply, outgoing);
    return;
  }
  const keepBytes = Math.floor(Number(reply.headers["content-length"] ?? 0) / 2);
  let sentBytes = 0;
  for await (const chunk of reply as AsyncIterable<Buffer>) {
    outgoing.write(chunk.subarray(0, keepBytes - sentBytes));
    sentBytes += chunk.length;
    if (sentBytes >= keepBytes) break;
  }
  outgoing.destroy();
}
