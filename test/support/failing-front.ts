// Stands before an HTTP server and answers for it with failures when a test says so; everything else goes through as it is.
import { once } from "node:events";
import { createServer, request, type IncomingMessage } from "node:http";
import { pipeline } from "node:stream/promises";
import { onTestFinished } from "vitest";

export interface FailingFront {
  /** The server's URL, by way of the front. */
  readonly url: string;
  /** Requests that came, failed ones included, as `PUT /path`. */
  readonly seen: readonly string[];
  /** Answers so many of the coming requests that match with this status. */
  fail(count: number, status: number, isMeant?: (seen: string) => boolean): void;
}

/** Closed when the test ends. */
export async function openFailingFront(serverUrl: string): Promise<FailingFront> {
  const target = new URL(serverUrl);
  const seen: string[] = [];
  let failing: { count: number; status: number; isMeant: (seen: string) => boolean } = {
    count: 0,
    status: 500,
    isMeant: () => true,
  };
  const server = createServer((incoming, outgoing) => {
    const what = `${incoming.method} ${incoming.url}`;
    seen.push(what);
    if (failing.count > 0 && failing.isMeant(what)) {
      failing.count -= 1;
      incoming.resume();
      outgoing.writeHead(failing.status, { "content-type": "application/xml" });
      outgoing.end("<Error><Code>InternalError</Code><Message>Out of order.</Message></Error>");
      return;
    }
    const onward = request(
      {
        host: target.hostname,
        port: target.port,
        method: incoming.method,
        path: incoming.url,
        headers: incoming.headers,
      },
      (answer: IncomingMessage) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        pipeline(answer, outgoing).catch(() => outgoing.destroy());
      },
    );
    onward.on("error", () => outgoing.destroy());
    pipeline(incoming, onward).catch(() => onward.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the front has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    seen,
    fail(count, status, isMeant = () => true) {
      failing = { count, status, isMeant };
    },
  };
}
