// Who may ask for the schema itself.
import { Kind, visit, type DocumentNode } from "graphql";
import type { Plugin } from "graphql-yoga";
import type { Logger } from "pino";
import type { Context } from "../../schema/context.ts";
import { HoldfastError } from "../core/errors.ts";
import { graphqlError } from "./graphql-error.ts";

export type Introspection = "everyone" | "signed-in" | "nobody";

/** Refuses documents that ask for `__schema` or `__type`. `__typename` is part of any query. */
export function limitIntrospection(introspection: Introspection, log: Logger): Plugin<Context> {
  return {
    onExecute({ args: { document, contextValue }, setResultAndStopExecution }) {
      // oxlint-disable-next-line typescript/no-unsafe-argument -- Yoga types it loosely
      if (introspection === "everyone" || !introspects(document)) return;
      if (introspection === "signed-in" && contextValue.identity.caller !== null) return;
      const error =
        introspection === "nobody"
          ? new HoldfastError("FORBIDDEN", "This server does not show its schema.", {
              hint: "schema/schema.graphql of the package has the schema of the built-in catalog.",
            })
          : new HoldfastError("UNAUTHENTICATED", "The schema is shown to those who are signed in.");
      setResultAndStopExecution({ errors: [graphqlError(error, log)] });
    },
  };
}

function introspects(document: DocumentNode): boolean {
  let found = false;
  visit(document, {
    [Kind.FIELD]({ name: { value } }) {
      if (value === "__schema" || value === "__type") found = true;
    },
  });
  return found;
}
