// Errors that repeat no names of the schema to those who have guessed nearly right, where the schema is not shown to everyone.
import { GraphQLError } from "graphql";
import type { Plugin } from "graphql-yoga";

/** As graphql-js words it, for fields, arguments, types and the values of enums. */
const SUGGESTION = / ?Did you mean [^?]*\?/g;

/** Of documents, and of variables, which are looked at when the operation begins. */
export function hideSuggestions(): Plugin {
  return {
    onValidate:
      () =>
      ({ result }) =>
        hide(result),
    onExecute: () => ({
      onExecuteDone({ result }) {
        if ("errors" in result) hide(result.errors);
      },
    }),
    onSubscribe: () => ({
      onSubscribeResult({ result }) {
        if ("errors" in result) hide(result.errors);
      },
    }),
  };
}

/** @param errors those of a document or of a result, if it has any: Yoga types them loosely */
function hide(errors: unknown): void {
  if (!Array.isArray(errors)) return;
  for (const error of errors) {
    if (!(error instanceof GraphQLError)) continue;
    const { originalError } = error;
    // Those of resolvers are Holdfast's own.
    if (originalError === undefined || originalError instanceof GraphQLError)
      error.message = error.message.replaceAll(SUGGESTION, "");
  }
}
