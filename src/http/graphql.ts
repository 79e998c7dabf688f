// GraphQL over HTTP: Yoga with Holdfast's schema, errors, limits and worked examples. Subscriptions go out as server-sent
// events; src/http/websocket.ts serves the same engine over WebSockets.
import { useCSRFPrevention } from "@graphql-yoga/plugin-csrf-prevention";
import { createYoga, type GraphQLParams, type Plugin, type YogaServerInstance } from "graphql-yoga";
import { createContext, type Context, type ContextDeps } from "../../schema/context.ts";
import { createSubscriptionPlaces } from "../../schema/subscription-places.ts";
import { buildSchema } from "../../schema/schema.ts";
import type { Origin } from "../auth/context.ts";
import { HoldfastError } from "../core/errors.ts";
import { GRAPHIQL } from "./graphiql.ts";
import { renderGraphiqlPage } from "./graphiql-page.ts";
import { graphqlError } from "./graphql-error.ts";
import { traceOperations } from "./graphql-spans.ts";
import { tellUnknownOutcomes } from "./graphql-outages.ts";
import { limitDocuments } from "./graphql-limits.ts";
import { hideSuggestions } from "./hide-suggestions.ts";
import { limitIntrospection, type Introspection } from "./introspection.ts";
import { shareResults } from "./shared-results.ts";

export const GRAPHQL_PATH = "/graphql";
export const GRAPHQL_BODY_LIMIT_BYTES = 1024 * 1024;

/** What the transport hands over with an operation. */
export interface Transport {
  readonly origin: Origin;
  /** Of a WebSocket, where it comes with the connection; left out: the request's header counts. */
  readonly authorization?: string | null;
  /** What a request that brought a file asks for, which has been read already. */
  readonly operation?: GraphQLParams;
}

export type GraphqlServer = YogaServerInstance<Transport, Context>;

export interface GraphqlOptions {
  /** Who may ask for the schema itself; left out: everyone. */
  readonly introspection?: Introspection | undefined;
  /** That one account has open at the same time; left out: 1,000. */
  readonly maxSubscriptions?: number | undefined;
}

export function createGraphql(
  deps: ContextDeps,
  { introspection = "everyone", maxSubscriptions = 1_000 }: GraphqlOptions = {},
): GraphqlServer {
  const subscriptions = createSubscriptionPlaces(maxSubscriptions);
  return createYoga<Transport, Context>({
    schema: buildSchema(deps.catalog),
    graphqlEndpoint: GRAPHQL_PATH,
    landingPage: false,
    graphiql: introspection === "nobody" ? false : GRAPHIQL,
    renderGraphiQL: renderGraphiqlPage,
    // No cookies and no other origins: the console is served from this one.
    cors: false,
    multipart: false,
    batching: false,
    maxRequestBodySize: GRAPHQL_BODY_LIMIT_BYTES,
    // What is worth it is logged by publicError.
    logging: false,
    maskedErrors: {
      errorMessage: "Something failed inside Holdfast.",
      maskError: (error) => graphqlError(error, deps.log),
    },
    context: ({ request, origin, authorization = request.headers.get("authorization") }) =>
      createContext({ ...deps, subscriptions }, authorization, origin),
    plugins: [
      preventCrossSite(),
      takeOperation(),
      traceOperations(),
      tellUnknownOutcomes(),
      shareResults(),
      limitDocuments(),
      // Where introspection is open, hiding them would hide nothing.
      ...(introspection === "everyone" ? [] : [hideSuggestions()]),
      limitIntrospection(introspection, deps.log),
    ],
  });
}

/** Carries out what was read from a multipart request. */
function takeOperation(): Plugin<object, Transport> {
  return {
    onRequestParse({ serverContext: { operation }, setRequestParser }) {
      if (operation !== undefined) setRequestParser(() => operation);
    },
  };
}

/**
 * Refuses what a page of another site could make a browser send without asking first: anything that is neither JSON nor
 * carries a header that such a page may not set.
 */
function preventCrossSite(): Plugin {
  const { onRequestParse } = useCSRFPrevention({ requestHeaders: ["authorization", "x-requested-with"] });
  return {
    onRequestParse(payload) {
      try {
        return onRequestParse?.(payload);
      } catch (error) {
        throw new HoldfastError("NOT_JSON", "The request could come from another site's page.", {
          cause: error,
        });
      }
    },
  };
}
