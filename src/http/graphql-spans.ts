// GraphQL operations in traces: named by what they ask for. Documents and variables are not told: they may hold passphrases.
import { getOperationAST, Kind } from "graphql";
import type { ExecutionArgs } from "graphql";
import type { Plugin } from "graphql-yoga";
import { inSpan, isTracing } from "../telemetry/spans.ts";

/** More fields than that say nothing in a name. */
const NAMED_FIELDS = 3;

export function traceOperations(): Plugin {
  return {
    onExecute({ executeFn, setExecuteFn }) {
      if (!isTracing()) return;
      setExecuteFn((args: ExecutionArgs) => {
        const { name, attributes } = describe(args);
        return inSpan(name, { attributes }, async (): Promise<unknown> => executeFn(args));
      });
    },
  };
}

function describe({ document, operationName }: ExecutionArgs) {
  const operation = getOperationAST(document, operationName);
  const type = operation?.operation ?? "unknown";
  const fields = (operation?.selectionSet.selections ?? []).flatMap((selection) =>
    selection.kind === Kind.FIELD ? selection.name.value : [],
  );
  return {
    name: [type, fields.slice(0, NAMED_FIELDS).join(", ")].join(" ").trim(),
    attributes: { "graphql.operation.type": type, "graphql.operation.fields": fields },
  };
}
