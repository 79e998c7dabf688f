// An exchange that can ask again for what is on the screen: after a lost connection nothing that is shown is certain,
// and a list does not know of a run that has just begun.
import { Kind } from "@0no-co/graphql.web";
import { makeOperation, type Exchange, type Operation } from "urql";
import { filter, makeSubject, merge, pipe, tap } from "wonka";

export interface Refresh {
  readonly exchange: Exchange;
  /** Asks the server again for the queries that something on the page shows: all, or those that read one of the fields. */
  readonly again: (fields?: readonly string[]) => void;
}

export function createRefresh(): Refresh {
  const shown = new Map<number, Operation>();
  const asked = makeSubject<Operation>();
  return {
    exchange:
      ({ forward }) =>
      (operations$) =>
        pipe(
          merge([
            pipe(
              operations$,
              tap((operation) => {
                if (operation.kind === "query") shown.set(operation.key, operation);
                if (operation.kind === "teardown") shown.delete(operation.key);
              }),
            ),
            // What went off the screen between the asking and now is let be.
            pipe(
              asked.source,
              filter(({ key }) => shown.has(key)),
            ),
          ]),
          forward,
        ),
    again(fields) {
      for (const operation of shown.values()) {
        if (fields !== undefined && !rootFieldsOf(operation).some((field) => fields.includes(field)))
          continue;
        const context = { ...operation.context, requestPolicy: "network-only" } as const;
        asked.next(makeOperation(operation.kind, operation, context));
      }
    },
  };
}

function rootFieldsOf({ query }: Operation): string[] {
  return query.definitions.flatMap((definition) =>
    definition.kind === Kind.OPERATION_DEFINITION
      ? definition.selectionSet.selections.flatMap((node) =>
          node.kind === Kind.FIELD ? [node.name.value] : [],
        )
      : [],
  );
}
