// One execution for all who subscribe to the same: a change of a run is told to hundreds, and what most of them are told is the
// same to the letter. Whoever asks with the same document, the same variables and the same permissions about the very same
// payload is given the result that was made for the first of them, and it is made into text once.
import {
  createSourceEventStream,
  execute,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
} from "graphql";
import { isAsyncIterable, mapAsyncIterator, type Plugin } from "graphql-yoga";
import type { Context } from "../../schema/context.ts";
import type { Caller } from "../auth/caller.ts";

type Results = Map<string, Promise<ExecutionResult>>;

/**
 * What a resolver of a subscription answers may depend on its payload, its arguments, and the caller's permissions; on nothing else of
 * the caller's. (Who is let in, and for how long, is found out for each subscriber: see schema/plugins/permissions.ts.)
 */
export function shareResults(): Plugin<Context> {
  /** By payload: forgotten with it. */
  const known = new WeakMap<object, Results>();
  let documents = 0;
  const numberOf = describeOnce<DocumentNode, number>(() => (documents += 1));
  const permissionsOf = describeOnce((caller: Caller) => [...caller.permissions].toSorted().join());

  const resultOf = (args: ExecutionArgs, asked: string, payload: unknown): Promise<ExecutionResult> => {
    const carryOut = async (): Promise<ExecutionResult> =>
      makeTextOnce(await execute({ ...args, rootValue: payload }));
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- GraphQL types it as anything; it is what createContext made
    const { caller } = (args.contextValue as Context).identity;
    if (typeof payload !== "object" || payload === null || caller === null) return carryOut();
    const results: Results = known.get(payload) ?? new Map();
    known.set(payload, results);
    const key = `${permissionsOf(caller)} ${asked}`;
    const result = results.get(key) ?? carryOut();
    results.set(key, result);
    return result;
  };

  return {
    onSubscribe({ subscribeFn, setSubscribeFn }) {
      setSubscribeFn(async (args: ExecutionArgs) => {
        const source = await createSourceEventStream(args);
        // Yoga's own has its own words for what is wrong with an operation.
        // oxlint-disable-next-line typescript/no-unsafe-return -- it types it loosely
        if (!isAsyncIterable(source)) return subscribeFn(args);
        const { document, operationName, variableValues } = args;
        const asked = JSON.stringify([numberOf(document), operationName, variableValues]);
        return mapAsyncIterator(source, (payload) => resultOf(args, asked, payload));
      });
    },
  };
}

function describeOnce<T extends object, D>(describe: (object: T) => D): (object: T) => D {
  const known = new WeakMap<T, D>();
  return (object) => {
    const present = known.get(object);
    if (present !== undefined) return present;
    const description = describe(object);
    known.set(object, description);
    return description;
  };
}

/** Yoga has a result that brings `stringify` make its own text. Errors are still to be replaced, and are left out of this. */
function makeTextOnce(result: ExecutionResult): ExecutionResult {
  if (result.errors !== undefined) return result;
  let text: string | undefined;
  const stringify = (): string => (text ??= JSON.stringify(result));
  return Object.defineProperty(result, "stringify", { value: stringify, enumerable: false });
}
