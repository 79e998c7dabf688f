// The harness as a client of the API: it asks again for as long as there is no answer, under the same idempotency key.
import { setTimeout as delay } from "node:timers/promises";

export interface Api {
  /**
   * @param patience aborts when the harness has waited long enough for an answer
   * @throws Error with the answer's own code for a refusal that asking again would not change
   */
  ask<Answer>(query: string, variables: object, patience: AbortSignal): Promise<Answer>;
}

interface Reply {
  readonly data?: unknown;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

/** What an outage of something behind the API is answered with. */
const PASSING = new Set([
  "DATABASE_UNREACHABLE",
  "QUEUE_UNREACHABLE",
  "STORE_FAILED",
  "INTERNAL",
  "OUTCOME_UNKNOWN",
  "RATE_LIMITED",
  "TOO_MANY_REQUESTS",
]);

export function openApi(url: string, token?: string): Api {
  return {
    async ask<Answer>(query: string, variables: object, patience: AbortSignal): Promise<Answer> {
      for (;;) {
        patience.throwIfAborted();
        const reply = await send(url, token, { query, variables });
        const [error] = reply?.errors ?? [];
        if (reply !== undefined && error === undefined) return reply.data as Answer;
        const code = error?.extensions?.code;
        if (error !== undefined && !PASSING.has(code ?? "")) throw new Error(`${code}: ${error.message}`);
        await delay(250);
      }
    },
  };
}

async function send(url: string, token: string | undefined, body: object): Promise<Reply | undefined> {
  try {
    const response = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(5_000),
    });
    return response.status === 503 ? undefined : ((await response.json()) as Reply);
  } catch {
    return undefined;
  }
}
