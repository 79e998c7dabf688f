// Errors in GraphQL's own form: message, path, and `extensions` with code, hint and particulars.
import { GraphQLError } from "graphql";
import type { Logger } from "pino";
import type { HoldfastError } from "../core/errors.ts";
import { errorHeaders, publicError, requestOfFault } from "./public-error.ts";

/**
 * The error as it goes to a client. GraphQL's own errors (syntax, validation, coercion) pass; the rest becomes an entry
 * of the catalogue, at the place in the query where it happened. One that happened at no place, before anything was
 * executed (a bad token, for one), sets the HTTP status as well.
 */
export function graphqlError(error: unknown, log: Logger): GraphQLError {
  if (!(error instanceof GraphQLError)) {
    const known = publicError(error, log);
    const http = { status: known.status, headers: errorHeaders(known) };
    return new GraphQLError(known.message, { extensions: { ...extensionsOf(known), http } });
  }
  const { originalError, nodes, source, positions, path } = error;
  if (originalError === undefined || originalError instanceof GraphQLError) return error;
  const known = publicError(originalError, log);
  const place = {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    path: path ?? null,
  };
  return new GraphQLError(known.message, { ...place, extensions: extensionsOf(known) });
}

/** The whole answer to a request that failed before there was anything to execute. */
export function graphqlFailure(error: unknown, log: Logger): Response {
  const known = publicError(error, log);
  const answer = { errors: [{ message: known.message, extensions: extensionsOf(known) }] };
  return Response.json(answer, { status: known.status, headers: errorHeaders(known) });
}

function extensionsOf(error: HoldfastError): Record<string, unknown> {
  const { code, hint, details } = error;
  return { code, hint, ...(details && { details }), ...requestOfFault(error) };
}
