// A small GraphQL client: queries and mutations as JSON over HTTP, subscriptions as server-sent events.
import { EventSourceParserStream } from "eventsource-parser/stream";
import { z } from "zod";
import { HoldfastError } from "../../core/errors.ts";
import { countBytes } from "./count-bytes.ts";
import type { Operation } from "./operations.ts";
import { fromRemote } from "./remote-error.ts";

export interface GraphqlClientOptions {
  /** The server's address, without `/graphql`. */
  readonly server: string;
  readonly token?: string;
  /** Ends whatever is under way. */
  readonly signal: AbortSignal;
}

/** Both throw what the server said as a HoldfastError of the same code, SERVER_UNREACHABLE where it said nothing. */
export interface GraphqlClient {
  /** An operation whose variable `file` is the blob. @param onBytes told how many bytes of the request have gone out */
  upload<Variables, Result>(
    operation: Operation<Variables, Result>,
    variables: Variables,
    file: { readonly blob: Blob; readonly name: string },
    onBytes: (bytes: number) => void,
  ): Promise<Result>;
  execute<Variables, Result>(operation: Operation<Variables, Result>, variables: Variables): Promise<Result>;
  /** One connection's worth of events; it ends when the server has completed the subscription. See watch-run.ts. */
  subscribe<Variables, Result>(
    operation: Operation<Variables, Result>,
    variables: Variables,
  ): AsyncGenerator<Result, void, undefined>;
}

const answer = z.object({
  data: z.unknown().optional(),
  errors: z
    .array(z.object({ message: z.string(), extensions: z.record(z.string(), z.unknown()).optional() }))
    .optional(),
});

export function createGraphqlClient({ server, token, signal }: GraphqlClientOptions): GraphqlClient {
  const url = `${server.replace(/\/$/, "")}/graphql`;

  const post = async (request: RequestInit): Promise<Response> => {
    try {
      const headers = new Headers(request.headers);
      if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
      return await fetch(url, { ...request, method: "POST", headers, signal });
    } catch (error) {
      signal.throwIfAborted();
      throw unreachable(url, error);
    }
  };
  const send = (document: string, variables: unknown, accept: string): Promise<Response> =>
    post({
      headers: { accept, "content-type": "application/json" },
      body: JSON.stringify({ query: document, variables }),
    });

  return {
    async upload({ document, result }, variables, { blob, name }, onBytes) {
      const form = new FormData();
      const operation = { query: document, variables: { ...variables, file: null } };
      form.set("operations", JSON.stringify(operation));
      form.set("map", JSON.stringify({ file: ["variables.file"] }));
      form.set("file", blob, name);
      // As it would be sent, so that what has been sent can be counted.
      const { body, headers } = new Response(form);
      if (body === null) throw new Error("A form has a body.");
      const response = await post({
        ...{ headers, body: body.pipeThrough(countBytes(onBytes)), duplex: "half" },
      });
      return readResult(result, await response.text(), url);
    },

    async execute({ document, result }, variables) {
      const response = await send(document, variables, "application/graphql-response+json, application/json");
      return readResult(result, await response.text(), url);
    },

    async *subscribe({ document, result }, variables) {
      const response = await send(document, variables, "text/event-stream");
      const type = response.headers.get("content-type") ?? "";
      if (response.body === null || !type.startsWith("text/event-stream")) {
        yield readResult(result, await response.text(), url);
        return;
      }
      const events = response.body
        .pipeThrough(new TextDecoderStream())
        .pipeThrough(new EventSourceParserStream());
      try {
        for await (const { event, data } of events) {
          if (event === "complete") return;
          if (event === "next") yield readResult(result, data, url);
        }
      } catch (error) {
        signal.throwIfAborted();
        throw error instanceof HoldfastError ? error : unreachable(url, error);
      }
      throw new HoldfastError("SERVER_UNREACHABLE", `${url} ended the connection in the middle.`);
    },
  };
}

/** @throws the answer's first error; SERVER_UNREACHABLE for what is no answer of Holdfast's */
function readResult<Result>(result: z.ZodType<Result>, json: string, url: string): Result {
  let answered: z.infer<typeof answer>;
  try {
    answered = answer.parse(JSON.parse(json));
    if (answered.errors === undefined) return result.parse(answered.data);
  } catch (cause) {
    throw new HoldfastError("SERVER_UNREACHABLE", `${url} does not answer as Holdfast does.`, { cause });
  }
  const [first] = answered.errors;
  const { code, hint } = first?.extensions ?? {};
  throw fromRemote({ message: first?.message ?? "An error without a message.", code, hint });
}

function unreachable(url: string, error: unknown): HoldfastError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new HoldfastError("SERVER_UNREACHABLE", `${url} cannot be reached: ${reason}`, { cause: error });
}
