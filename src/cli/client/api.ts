// A server's GraphQL API, for the commands whose only work it is to ask it.
import { readEnvironment } from "../../config/environment.ts";
import type { ServerOptions } from "../server-options.ts";
import { requireConnection, type Connection } from "./connection.ts";
import { createGraphqlClient, type GraphqlClient } from "./graphql-client.ts";
import type { Page, PageVariables } from "./listings.ts";

export interface Api extends GraphqlClient {
  readonly connection: Connection;
}

/** @throws as {@link requireConnection}; CONFIG_INVALID */
export async function openApi(options: ServerOptions, signal: AbortSignal): Promise<Api> {
  const connection = await requireConnection(options, readEnvironment(process.env));
  return { ...createGraphqlClient({ ...connection, signal }), connection };
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
