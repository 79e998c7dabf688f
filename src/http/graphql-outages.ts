// Mutations that Holdfast's own database went away from: nobody is to take them for not done, and do them twice.
import {
  getOperationAST,
  GraphQLError,
  OperationTypeNode,
  type ExecutionArgs,
  type ExecutionResult,
} from "graphql";
import type { Plugin } from "graphql-yoga";
import type { Context } from "../../schema/context.ts";
import { HoldfastError } from "../core/errors.ts";
import { outageOf, unknownOutcomeOf } from "../ledger/outage.ts";

/** Signing in is left alone: whoever does it twice has lost nothing. */
export function tellUnknownOutcomes(): Plugin<Context> {
  return {
    onExecute({ args }) {
      if (!isMutation(args) || args.contextValue.identity.caller === null) return undefined;
      return {
        onExecuteDone({ result, setResult }) {
          if (Symbol.asyncIterator in result || result.errors === undefined) return;
          setResult({ ...result, errors: result.errors.map(tellOutcome) } satisfies ExecutionResult);
        },
      };
    },
  };
}

function isMutation({ document, operationName }: Pick<ExecutionArgs, "document" | "operationName">): boolean {
  return getOperationAST(document, operationName)?.operation === OperationTypeNode.MUTATION;
}

function tellOutcome(error: GraphQLError): GraphQLError {
  const { originalError, nodes, source, positions, path, message } = error;
  // What the mutation gives is read once it is done.
  const known = (path?.length ?? 0) > 1 ? unreadableOf(originalError) : unknownOutcomeOf(originalError);
  if (known === undefined) return error;
  return new GraphQLError(message, {
    ...{ nodes: nodes ?? null, source: source ?? null, positions: positions ?? null, path: path ?? null },
    originalError: known,
  });
}

function unreadableOf(error: unknown): HoldfastError | undefined {
  const outage = outageOf(error);
  if (outage === undefined) return undefined;
  return new HoldfastError(
    outage.code,
    "This has taken effect, but what came of it cannot be read at present.",
    {
      hint: "Do not send it again. Once Holdfast's own database is back, ask for what came of it.",
      cause: error,
      ...(outage.details && { details: outage.details }),
    },
  );
}
