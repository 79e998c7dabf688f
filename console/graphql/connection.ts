// Everything that a session needs to speak with the server: queries and mutations over fetch, one stream of events over
// server-sent events, and a say in whether that stream stands.
import { createClient as createEventClient } from "graphql-sse";
import { Client, fetchExchange, mapExchange, subscriptionExchange, type CombinedError } from "urql";
import { createCache } from "./cache.ts";
import { createLink, type Link } from "./link.ts";
import { createRefresh } from "./refresh.ts";
import { watchRuns } from "./watch-runs.ts";

/** Same origin, always: the page's policy allows no other. */
const GRAPHQL_URL = "/graphql";
const LONGEST_WAIT_MS = 10_000;

export interface Connection {
  readonly client: Client;
  /** Asks again for what is on the screen: all of it, or the queries that read one of these root fields. */
  readonly refresh: (fields?: readonly string[]) => void;
  readonly link: Link;
  close(): void;
}

export interface ConnectionOptions {
  /** Left out where nobody has signed in yet. */
  readonly token?: string;
  /** Called when the server no longer takes the token. */
  readonly onRefused?: () => void;
}

export function createConnection({ token, onRefused }: ConnectionOptions): Connection {
  const authorization: Record<string, string> =
    token === undefined ? {} : { authorization: `Bearer ${token}` };
  const refresh = createRefresh();
  const link = createLink();

  const events = createEventClient({
    url: GRAPHQL_URL,
    headers: authorization,
    fetchFn: async (...request: Parameters<typeof fetch>) => {
      const response = await fetch(...request);
      if (response.status === 401) onRefused?.();
      return response;
    },
    retryAttempts: Number.POSITIVE_INFINITY,
    retry: async (retries) => {
      link.set("reconnecting");
      await backOff(retries);
    },
    on: {
      connected(reconnected) {
        const wasLost = link.get() === "reconnecting";
        link.set("live");
        // What happened meanwhile was announced to nobody.
        if (reconnected || wasLost) refresh.again();
      },
    },
  });

  const client = new Client({
    url: GRAPHQL_URL,
    preferGetMethod: false,
    requestPolicy: "cache-and-network",
    fetchOptions: { headers: authorization, credentials: "omit" },
    exchanges: [
      mapExchange({
        onError(error) {
          if (isRefusal(error)) onRefused?.();
        },
      }),
      refresh.exchange,
      createCache(),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query = "", variables, operationName }) => ({
          subscribe: (sink) => ({
            unsubscribe: events.subscribe({ query, variables, operationName }, sink),
          }),
        }),
      }),
    ],
  });

  const watching = token === undefined ? undefined : watchRuns(client, { link, refresh: refresh.again });
  return {
    client,
    refresh: refresh.again,
    link,
    close() {
      watching?.stop();
      events.dispose();
    },
  };
}

/** Twice as long each time up to ten seconds, never the same for two pages; a network that comes back ends the wait. */
async function backOff(retries: number): Promise<void> {
  const waitMs = Math.min(LONGEST_WAIT_MS, 500 * 2 ** retries) * (0.6 + 0.4 * Math.random());
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, waitMs);
    addEventListener("online", done);
  });
}

export function codeOf(error: CombinedError | undefined): string | undefined {
  const code = error?.graphQLErrors[0]?.extensions["code"];
  return typeof code === "string" ? code : undefined;
}

function isRefusal(error: CombinedError): boolean {
  return codeOf(error) === "UNAUTHENTICATED";
}
