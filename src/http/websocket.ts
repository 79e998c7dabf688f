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
import { graphqlError } from "./graphql-error.ts";
import type { ReadOrigin } from "./peer.ts";

/** How long a client may take to answer the closing handshake. */
const CLOSE_TIMEOUT_MS = 1_000;

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
 * the header of the upgrade; one that is not good closes the connection with 4401.
 */
export function serveWebSockets(
  server: Server,
  graphql: GraphqlServer,
  { auth, log, readOrigin }: Pick<ServerDeps, "auth" | "log"> & { readonly readOrigin: ReadOrigin },
): WebSockets {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: GRAPHQL_BODY_LIMIT_BYTES });
  const originOf = ({ socket, headers }: IncomingMessage): Origin =>
    readOrigin(socket.remoteAddress, [headers["x-forwarded-for"]].flat().join(","));
  // The enveloped functions belong to one operation each: graphql-ws hands its arguments back where it calls them.
  const operations = new WeakMap<ExecutionArgs, Enveloped>();
  const envelopedOf = (args: ExecutionArgs): Enveloped => {
    const enveloped = operations.get(args);
    if (enveloped === undefined) throw new Error("an operation that was not prepared here");
    return enveloped;
  };
  const disposable = useServer<Params>(
    {
      async onConnect(connection) {
        const authorization = authorizationOf(connection);
        if (authorization === null) return true;
        try {
          await auth.authenticate(authorization);
        } catch (error) {
          connection.extra.socket.close(CloseCode.Unauthorized, graphqlError(error, log).message);
          return false;
        }
        return true;
      },
      async onSubscribe(connection, _id, payload) {
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
          operations.set(args, enveloped);
          return args;
        } catch (error) {
          return [graphqlError(error, log)];
        }
      },
      execute: (args) => envelopedOf(args).execute(args),
      subscribe: (args) => envelopedOf(args).subscribe(args),
      onError: (_connection, _id, _payload, errors) => errors.map(formatWithoutHttp),
    },
    sockets,
  );
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
