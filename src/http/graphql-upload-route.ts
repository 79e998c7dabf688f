// POST /graphql with a file: what comes before and after the operation itself.
import type { Context, MiddlewareHandler } from "hono";
import { originOf, type Env } from "./env.ts";
import type { GraphqlServer } from "./graphql.ts";
import { graphqlFailure } from "./graphql-error.ts";
import { authorizeUpload, bringsGraphqlFile, receiveOperation } from "./graphql-upload.ts";
import type { TransferRouteDeps } from "./rest/deps.ts";
import { departureOf } from "./rest/departure.ts";
import { announcedBytes, askForBody } from "./rest/expectation.ts";
import { createSpool } from "./rest/spool.ts";

/** Leaves requests of other forms to whoever comes next. */
export function graphqlUploads(deps: TransferRouteDeps, graphql: GraphqlServer): MiddlewareHandler<Env> {
  const spool = createSpool(deps.spoolDirectory);
  const answer = async (c: Context<Env>): Promise<Response> => {
    const { incoming, outgoing } = c.env;
    const authorization = c.req.header("authorization");
    await authorizeUpload(deps.auth, authorization);
    await using held = new AsyncDisposableStack();
    held.use(deps.places.take());
    const file = held.use(await spool.reserve(announcedBytes(incoming)));
    const signal = departureOf(outgoing);
    askForBody(incoming, outgoing);
    const operation = await receiveOperation(incoming, file, { stallMs: deps.stallMs, signal });
    const request = new Request(c.req.url, {
      method: "POST",
      headers: { "content-type": "application/json", ...(authorization && { authorization }) },
    });
    const { body, status, headers } = await graphql.fetch(request, { origin: originOf(c), operation });
    // Read to its end: the file, which what it says may come from, is gone after this.
    return new Response(await new Response(body).arrayBuffer(), { status, headers });
  };
  return async (c, next) => {
    if (!bringsGraphqlFile(c.env.incoming)) return next();
    return answer(c).catch((error: unknown) => graphqlFailure(error, deps.log));
  };
}
