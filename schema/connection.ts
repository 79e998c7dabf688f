// Pages of a list, as Relay's cursor connections have them.
import { HoldfastError } from "../src/core/errors.ts";
import { builder } from "./builder.ts";

const MAX_PAGE_SIZE = 100;

export interface Edge<T> {
  readonly cursor: string;
  readonly node: T;
}

interface PageInfo {
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  readonly startCursor: string | null;
  readonly endCursor: string | null;
}

export interface Connection<T> {
  readonly edges: readonly Edge<T>[];
  readonly pageInfo: PageInfo;
}

export const PageInfoType = builder.objectRef<PageInfo>("PageInfo").implement({
  fields: (t) => ({
    hasNextPage: t.exposeBoolean("hasNextPage"),
    hasPreviousPage: t.exposeBoolean("hasPreviousPage"),
    startCursor: t.exposeString("startCursor", { nullable: true }),
    endCursor: t.exposeString("endCursor", { nullable: true }),
  }),
});

/** @param page.after the cursor that the page was asked to follow */
export function toConnection<T>(
  nodes: readonly T[],
  cursorOf: (node: T) => string,
  page: { readonly hasNextPage: boolean; readonly after: string | null | undefined },
): Connection<T> {
  const edges = nodes.map((node) => ({ cursor: cursorOf(node), node }));
  return {
    edges,
    pageInfo: {
      hasNextPage: page.hasNextPage,
      // A cursor was an entry of this very list, and the page starts after it.
      hasPreviousPage: typeof page.after === "string",
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}

/** @throws HoldfastError BAD_INPUT for less than 1 or more than 100 */
export function pageSize(first: number | null | undefined, standard: number): number {
  const size = first ?? standard;
  if (size >= 1 && size <= MAX_PAGE_SIZE) return size;
  throw new HoldfastError("BAD_INPUT", `\`first\` is ${size}; a page has 1 to ${MAX_PAGE_SIZE} entries.`);
}
