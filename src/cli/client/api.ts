// The API, for the commands whose only work it is to ask it: a server's, or one that is carried out here, on the database itself.
import { openAsBlob } from "node:fs";
import { readEnvironment, type Environment } from "../../config/environment.ts";
import type { ServerOptions } from "../server-options.ts";
import type { Api, DirectNeed } from "./api-shape.ts";
import { cancelRun } from "./cancel-run.ts";
import { connectionToAsk, type Connection } from "./connection.ts";
import { createGraphqlClient } from "./graphql-client.ts";
import type { Page, PageVariables } from "./listings.ts";
import { createRestClient } from "./rest-client.ts";

export type { Api, DirectNeed } from "./api-shape.ts";

/** @throws as {@link connectionToAsk}; CONFIG_INVALID; where no server is asked EMBEDDED_IN_USE, NOT_FOUND, DATABASE_UNREACHABLE */
export async function openApi(
  options: ServerOptions,
  signal: AbortSignal,
  need: DirectNeed = "there",
): Promise<Api> {
  const environment = readEnvironment(process.env);
  return openChosenApi(await connectionToAsk(options, environment), environment, signal, need);
}

/** @param connection undefined: no server is to be asked */
export async function openChosenApi(
  connection: Connection | undefined,
  environment: Environment,
  signal: AbortSignal,
  need: DirectNeed,
): Promise<Api> {
  if (connection !== undefined) return openServerApi(connection, signal);
  const { openDirectApi } = await import("../backend/direct-api.ts");
  return openDirectApi(environment, signal, need);
}

export function openServerApi(connection: Connection, signal: AbortSignal): Api {
  const graphql = createGraphqlClient({ ...connection, signal });
  return {
    ...graphql,
    isDirect: false,
    place: connection.server,
    upload: async (operation, variables, { path, name }, onBytes) =>
      graphql.upload(operation, variables, { blob: await openAsBlob(path), name }, onBytes),
    download: (id, stream, onBytes) => createRestClient(connection, signal).download(id, stream, onBytes),
    cancelRun: (id) => cancelRun(connection, id),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** What a server gives at once. */
const PAGE = 100;

/** The first entries of a list, as many as are wanted, from as many pages as it takes. */
export async function collectPages<Node>(
  limit: number,
  fetchPage: (variables: PageVariables) => Promise<Page<Node>>,
): Promise<Node[]> {
  const nodes: Node[] = [];
  let after: string | null = null;
  do {
    const page: Page<Node> = await fetchPage({ first: Math.min(PAGE, limit - nodes.length), after });
    nodes.push(...page.edges.map((edge) => edge.node));
    after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
  } while (after !== null && nodes.length < limit);
  return nodes;
}
