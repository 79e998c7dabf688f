// The routes, and what holds for all of them: headers that keep browsers out of harm, and errors as JSON.
import type { ServerResponse } from "node:http";
import { Hono } from "hono";
import { methodNotAllowed } from "hono/method-not-allowed";
import { secureHeaders } from "hono/secure-headers";
import { HoldfastError } from "../core/errors.ts";
import { consoleRoutes } from "./console.ts";
import type { ServerDeps } from "./deps.ts";
import { knowOrigin, originOf, type Env } from "./env.ts";
import { GRAPHIQL_CONTENT_SECURITY_POLICY } from "./graphiql-page.ts";
import { GRAPHQL_PATH, type GraphqlServer } from "./graphql.ts";
import { graphqlUploads } from "./graphql-upload-route.ts";
import { healthRoutes } from "./health.ts";
import type { ReadOrigin } from "./peer.ts";
import { authRoutes } from "./rest/auth.ts";
import { backupRoutes } from "./rest/backup.ts";
import type { TransferRouteDeps } from "./rest/deps.ts";
import { downloadRoutes } from "./rest/download.ts";
import { answerError } from "./rest/errors.ts";
import { metricsRoutes } from "./metrics/routes.ts";
import { REST_PATH, UPLOAD_PATH } from "./rest/paths.ts";
import { restoreRoutes } from "./rest/restore.ts";
import { tokenRoutes } from "./rest/tokens.ts";

export interface AppOptions {
  readonly graphql: GraphqlServer;
  readonly transfers: TransferRouteDeps;
  readonly readOrigin: ReadOrigin;
  /** Told of every answer that does not end by itself. */
  readonly onEventStream: (response: ServerResponse) => void;
}

export function createApp(
  deps: ServerDeps,
  { graphql, transfers, readOrigin, onEventStream }: AppOptions,
): Hono<Env> {
  const app = new Hono<Env>();
  app.use(knowOrigin(readOrigin));
  app.use(
    secureHeaders({
      // JSON loads nothing; a page says for itself what it loads.
      contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
      xFrameOptions: "DENY",
      // For whoever terminates TLS to say.
      strictTransportSecurity: false,
      overwrite: false,
    }),
  );
  app.route("/", healthRoutes(deps));
  app.route("/", metricsRoutes(deps));
  app.route("/", restRoutes(deps, transfers));

  app.on("POST", GRAPHQL_PATH, graphqlUploads(transfers, graphql));
  app.all(GRAPHQL_PATH, async (c) => {
    const response = await graphql.fetch(c.req.raw, { origin: originOf(c) });
    const type = response.headers.get("content-type") ?? "";
    if (type.startsWith("text/event-stream")) onEventStream(c.env.outgoing);
    if (type.startsWith("text/html")) {
      response.headers.set("Content-Security-Policy", GRAPHIQL_CONTENT_SECURITY_POLICY);
    }
    return response;
  });

  // For people with a browser: behind everything else, for the page has addresses of its own.
  app.route("/", consoleRoutes());

  app.notFound((c) =>
    answerError(
      c,
      new HoldfastError("NOT_FOUND", `There is nothing at ${c.req.path}.`, {
        hint: `GraphQL is at ${GRAPHQL_PATH}, REST below ${REST_PATH}.`,
      }),
      deps.log,
    ),
  );
  app.onError((error, c) => answerError(c, error, deps.log));
  return app;
}

/** Apart from the rest, so that what the console takes at any address is not what these addresses take. */
function restRoutes(deps: ServerDeps, transfers: TransferRouteDeps): Hono<Env> {
  const rest = new Hono<Env>();
  rest.use(
    `${REST_PATH}/*`,
    methodNotAllowed<Env>({
      app: rest,
      onMethodNotAllowed: (c, methods) => {
        c.header("Allow", methods.join(", "));
        return answerError(
          c,
          new HoldfastError("METHOD_NOT_ALLOWED", `${c.req.path} does not take ${c.req.method}.`),
          deps.log,
        );
      },
    }),
  );
  rest.route(`${REST_PATH}/auth`, authRoutes(deps.auth));
  rest.route(`${REST_PATH}/tokens`, tokenRoutes(deps.auth));
  rest.route(`${REST_PATH}/backup`, backupRoutes(transfers));
  rest.route(`${REST_PATH}/backups`, downloadRoutes(transfers));
  rest.route(UPLOAD_PATH, restoreRoutes(transfers));
  return rest;
}
