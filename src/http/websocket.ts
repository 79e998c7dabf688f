// GraphQL over WebSockets (the graphql-transport-ws protocol), on the server's own port and path.
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import type {
  DocumentNode,
  ExecutionArgs,
  GraphQLError,
  GraphQLFormattedError,
  GraphQLSchema,
} from "graphql";
import { CloseCode, type Context as Connection, type OperationResult } from "graphql-ws";
import { useServer, type Extra } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";
import type { Origin } from "../auth/context.ts";
import type { ServerDeps } from "./deps.ts";
import { GRAPHQL_BODY_LIMIT_BYTES, GRAPHQL_PATH, type GraphqlServer } from "./graphql.ts";
import { withLogContext } from "../telemetry/log-context.ts";
import { graphqlError } from "./graphql-error.ts";
import { publicError } from "./public-error.ts";
import { REQUEST_ID_HEADER, requestIdOf } from "./request.ts";
import type { ReadOrigin } from "./peer.ts";

/** How long a client may take to answer the closing handshake. */
const CLOSE_TIMEOUT_MS = 1_000;

/** Upon which clients connect again; at 4401 they give up (https://www.iana.org/assignments/websocket). */
const TRY_AGAIN_LATER = 1013;

type Params = Record<string, unknown>;

/** What Yoga's engine gives for one operation: GraphQL's functions with all plugins in place. Yoga types it loosely. */
interface Enveloped {
  readonly schema: GraphQLSchema;
  parse(source: string): DocumentNode;
  validate(schema: GraphQLSchema, document: DocumentNode): readonly GraphQLError[];
  /** Gives a context, or the promise of one. */
  contextFactory(): unknown;
  execute(args: ExecutionArgs): OperationResult;
  subscribe(args: ExecutionArgs): OperationResult;
}

export interface WebSockets {
  /** Ends every subscription and connection with 1001 (going away), upon which clients connect again. */
  close(): Promise<void>;
}

/**
 * Accepts WebSockets at GraphQL's path. A token comes in `connectionParams.authorization` (or `Authorization`), or in
 * the header of the upgrade; one that is not good closes the connection with 4401, one that cannot be looked up with 1013.
 */
export function serveWebSockets(
  server: Server,
  graphql: GraphqlServer,
  { auth, log, readOrigin }: Pick<ServerDeps, "auth" | "log"> & { readonly readOrigin: ReadOrigin },
): WebSockets {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: GRAPHQL_BODY_LIMIT_BYTES });
  const originOf = (request: IncomingMessage): Origin => ({
    ...readOrigin(request.socket.remoteAddress, [request.headers["x-forwarded-for"]].flat().join(",")),
    requestId: requestIdOf(request),
  });
  // All that comes over a connection is done on behalf of the request that has opened it.
  const onBehalf = <T>({ request }: Extra, act: () => T): T =>
    withLogContext({ requestId: requestIdOf(request) }, act);
  // The enveloped functions belong to one operation each: graphql-ws hands its arguments back where it calls them.
  const operations = new WeakMap<ExecutionArgs, { readonly enveloped: Enveloped; readonly extra: Extra }>();
  const carryOut = (args: ExecutionArgs, how: "execute" | "subscribe"): OperationResult => {
    const operation = operations.get(args);
    if (operation === undefined) throw new Error("an operation that was not prepared here");
    return onBehalf(operation.extra, () => operation.enveloped[how](args));
  };
  const disposable = useServer<Params>(
    {
      async onConnect(connection) {
        const authorization = authorizationOf(connection);
        if (authorization === null) return true;
        try {
          await onBehalf(connection.extra, () => auth.authenticate(authorization));
        } catch (error) {
          const known = publicError(error, log);
          const code = known.status === 401 ? CloseCode.Unauthorized : TRY_AGAIN_LATER;
          connection.extra.socket.close(code, known.message);
          return false;
        }
        return true;
      },
      onSubscribe: (connection, _id, payload) =>
        onBehalf(connection.extra, async () => {
          try {
            const enveloped: Enveloped = graphql.getEnveloped({
              origin: originOf(connection.extra.request),
              authorization: authorizationOf(connection),
              params: payload,
            });
            const document = enveloped.parse(payload.query);
            const errors = enveloped.validate(enveloped.schema, document);
            if (errors.length > 0) return errors;
            const args: ExecutionArgs = {
              schema: enveloped.schema,
              document,
              operationName: payload.operationName,
              variableValues: payload.variables,
              contextValue: await enveloped.contextFactory(),
            };
            operations.set(args, { enveloped, extra: connection.extra });
            return args;
          } catch (error) {
            return [graphqlError(error, log)];
          }
        }),
      execute: (args) => carryOut(args, "execute"),
      subscribe: (args) => carryOut(args, "subscribe"),
      onError: (_connection, _id, _payload, errors) => errors.map(formatWithoutHttp),
    },
    sockets,
  );
  sockets.on("headers", (headers, request) => {
    headers.push(`${REQUEST_ID_HEADER}: ${requestIdOf(request)}`);
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (request.url?.split("?")[0] !== GRAPHQL_PATH) {
      socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n");
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      sockets.emit("connection", webSocket, request);
    });
  });
  return {
    async close() {
      const timer = setTimeout(() => {
        for (const socket of sockets.clients) socket.terminate();
      }, CLOSE_TIMEOUT_MS);
      await disposable.dispose();
      clearTimeout(timer);
    },
  };
}

function authorizationOf({ connectionParams, extra }: Connection<Params, Extra>): string | null {
  const param = connectionParams?.["authorization"] ?? connectionParams?.["Authorization"];
  return typeof param === "string" ? param : (extra.request.headers.authorization ?? null);
}

/** The status that an HTTP answer would have is of no use here. */
function formatWithoutHttp(error: GraphQLError): GraphQLFormattedError {
  const { extensions: { http: _, ...extensions } = {}, ...formatted } = error.toJSON();
  return { ...formatted, extensions };
}
