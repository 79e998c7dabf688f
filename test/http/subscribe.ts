// Subscriptions through the clients that people use: graphql-sse's and graphql-ws', told apart by nothing but their name.
import { createClient as createSseClient } from "graphql-sse";
import { createClient as createWsClient } from "graphql-ws";
import { WebSocket } from "ws";
import type { GraphqlAnswer } from "./server-fixture.ts";

export type Transport = "server-sent events" | "WebSockets";
export const TRANSPORTS: readonly Transport[] = ["server-sent events", "WebSockets"];

interface Operation {
  readonly query: string;
  readonly variables?: Record<string, unknown>;
  readonly authorization?: string | undefined;
}

/** What came, one after the other; errors in either transport's form come as an answer with `errors`. */
export async function* subscribe<T>(
  transport: Transport,
  url: string,
  operation: Operation,
): AsyncGenerator<GraphqlAnswer<T>, void> {
  const { authorization, ...payload } = operation;
  const client =
    transport === "WebSockets"
      ? createWsClient({
          url: `${url.replace(/^http/, "ws")}/graphql`,
          webSocketImpl: WebSocket,
          retryAttempts: 0,
          connectionParams: authorization === undefined ? {} : { authorization },
        })
      : createSseClient({
          url: `${url}/graphql`,
          retryAttempts: 0,
          headers: authorization === undefined ? {} : { authorization },
        });
  try {
    for await (const answer of client.iterate<T>(payload)) yield answer;
  } catch (error) {
    if (!Array.isArray(error)) throw error;
    yield { errors: error };
  } finally {
    await client.dispose();
  }
}

/** Everything until the end. */
export async function collect<T>(answers: AsyncIterable<GraphqlAnswer<T>>): Promise<GraphqlAnswer<T>[]> {
  const all: GraphqlAnswer<T>[] = [];
  for await (const answer of answers) all.push(answer);
  return all;
}

/** The next answer; fails if there is none. */
export async function next<T>(answers: AsyncIterator<GraphqlAnswer<T>, void>): Promise<GraphqlAnswer<T>> {
  const result = await answers.next();
  if (result.done === true) throw new Error("the subscription has ended");
  return result.value;
}
