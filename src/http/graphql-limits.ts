// Bounds on what one GraphQL document may ask: GraphQL Armor's rules, with Holdfast's own error.
import { EnvelopArmorPlugin } from "@escape.tech/graphql-armor";
import type { GraphQLError } from "graphql";
import type { Plugin } from "graphql-yoga";
import { HoldfastError } from "../core/errors.ts";

/** The deepest useful query has six levels; introspection is not looked at. */
const MAX_DEPTH = 15;
/** A full page of 100 backups with everything in it costs 17,600. */
const MAX_COST = 30_000;
const MAX_ALIASES = 30;
const MAX_DIRECTIVES = 50;
const MAX_TOKENS = 2_000;

/** Armor says "Syntax Error: ..." with no code; thrown from its hook, an error of the catalogue takes that one's place. */
const onReject = [
  (_context: unknown, error: GraphQLError): never => {
    throw new HoldfastError("QUERY_TOO_LARGE", error.message.replace(/^Syntax Error: /, ""));
  },
];

export function limitDocuments(): Plugin {
  return EnvelopArmorPlugin({
    // What a client keeps in fragments is as deep and costs as much as what it writes out.
    maxDepth: { n: MAX_DEPTH, flattenFragments: true, onReject },
    costLimit: { maxCost: MAX_COST, flattenFragments: true, onReject },
    maxAliases: { n: MAX_ALIASES, onReject },
    maxDirectives: { n: MAX_DIRECTIVES, onReject },
    maxTokens: { n: MAX_TOKENS, onReject },
    // See hide-suggestions.ts: these are fields alone.
    blockFieldSuggestion: { enabled: false },
  });
}
