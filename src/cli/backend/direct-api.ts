// The API without a server: the same schema, carried out in this process, on the database itself, for the system's user.
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { userInfo } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { Writable } from "node:stream";
import { execute, GraphQLError, parse, subscribe, type ExecutionResult } from "graphql";
import { isAsyncIterable } from "@graphql-tools/utils";
import { z } from "zod";
import type { Context } from "../../../schema/context.ts";
import { buildSchema } from "../../../schema/schema.ts";
import { createSubscriptionPlaces } from "../../../schema/subscription-places.ts";
import type { LocalCaller } from "../../auth/caller.ts";
import type { Environment } from "../../config/environment.ts";
import { isHoldfastError } from "../../core/errors.ts";
import { cancelRun } from "../../runs/cancel-run.ts";
import { UploadedFile } from "../../runs/keeping.ts";
import { apiDepsOn } from "../../runtime/api-deps.ts";
import { createLog } from "../../runtime/log.ts";
import { createKeeping } from "../../transfer/keep-backups.ts";
import { openDownload, recordDownload } from "../../transfer/open-download.ts";
import type { Api, DirectNeed } from "../client/api-shape.ts";
import type { Operation } from "../client/operations.ts";
import { warn } from "../failure.ts";
import { openDirectFoundation } from "./direct-foundation.ts";

/** A command subscribes to what it has started, and to nothing else. */
const SUBSCRIPTIONS = 10;
/** The system's user has no right that anybody could take away; the longest time that a timer takes. */
const NEVER_MS = 2 ** 31 - 1;
/** What is cancelled ends within two seconds; a database that has stopped answering is not waited for for ever. */
const CANCEL_MS = 10_000;
const CANCEL_STEP_MS = 50;

/** @throws as `openDirectFoundation` */
export async function openDirectApi(
  environment: Environment,
  signal: AbortSignal,
  need: DirectNeed,
): Promise<Api> {
  // What a command has to say it says itself, unless somebody asks for more.
  const log = createLog(environment.logLevel === "info" ? "error" : environment.logLevel);
  const foundation = await openDirectFoundation(environment, need, log);
  const deps = apiDepsOn(foundation);
  const schema = buildSchema(foundation.catalog);
  const caller = localCaller(foundation.catalog.permissions);
  const context: Context = {
    ...deps,
    keeping: createKeeping(deps, signal),
    recheckRightsMs: NEVER_MS,
    subscriptions: createSubscriptionPlaces(SUBSCRIPTIONS),
    origin: {},
    identity: { caller, refresh: async () => undefined },
  };
  const argsOf = <Variables, Result>({ document }: Operation<Variables, Result>, variables: object) => ({
    schema,
    document: parse(document),
    contextValue: context,
    variableValues: { ...variables },
  });
  /** What is undefined is left out, as it would be on its way to a server. */
  const sent = (variables: unknown): Record<string, unknown> =>
    z.record(z.string(), z.unknown()).parse(JSON.parse(JSON.stringify(variables)));

  return {
    isDirect: true,
    place: foundation.embedded ? foundation.dataDir : "the database that HOLDFAST_DATABASE_URL names",

    async execute(operation, variables) {
      return readResult(operation, await execute(argsOf(operation, sent(variables))));
    },

    async *subscribe(operation, variables) {
      const events = await subscribe(argsOf(operation, sent(variables)));
      if (!isAsyncIterable<ExecutionResult>(events)) {
        yield readResult(operation, events);
        return;
      }
      const leave = (): void => void events.return?.();
      signal.addEventListener("abort", leave);
      try {
        for await (const event of events) {
          signal.throwIfAborted();
          yield readResult(operation, event);
        }
        signal.throwIfAborted();
      } finally {
        signal.removeEventListener("abort", leave);
      }
    },

    async upload(operation, variables, { path }, onBytes) {
      const { size } = await stat(path);
      const file = new UploadedFile(path, size);
      const result = await execute(argsOf(operation, { ...sent(variables), file }));
      onBytes(size);
      return readResult(operation, result);
    },

    async download(id, stream, onBytes) {
      await using download = await openDownload(deps, caller, id, signal);
      const range = { start: 0, end: download.file.sizeBytes };
      await recordDownload(deps, caller, id, range);
      let bytes = 0;
      for await (const chunk of download.file.read(range, signal)) {
        await write(stream, chunk, signal);
        onBytes((bytes += chunk.length), range.end);
      }
    },

    async cancelRun(id) {
      try {
        await cancelRun(deps, caller, id);
        const deadline = performance.now() + CANCEL_MS;
        while ((await deps.queue.has(id)) && performance.now() < deadline) await delay(CANCEL_STEP_MS);
      } catch (error) {
        if (isHoldfastError(error, "ALREADY_FINISHED")) return;
        warn(`${id} could not be cancelled: ${error instanceof Error ? error.message : String(error)}`);
      }
    },

    [Symbol.asyncDispose]: () => foundation[Symbol.asyncDispose](),
  };
}

/** Whoever can open the database could do all of it without Holdfast. */
function localCaller(permissions: readonly string[]): LocalCaller {
  let username = "cli";
  try {
    username = `cli:${userInfo().username}`;
  } catch {
    // A user without a name.
  }
  return { via: "system", userId: "", username, roles: [], permissions: new Set(permissions) };
}

/** @throws what was thrown inside */
function readResult<Variables, Result>(
  { result }: Operation<Variables, Result>,
  { data, errors }: ExecutionResult,
): Result {
  const [error] = errors ?? [];
  if (error !== undefined)
    throw error.originalError instanceof GraphQLError ? error : (error.originalError ?? error);
  // As it would have come from a server: dates are text, and undefined is not there.
  return result.parse(JSON.parse(JSON.stringify(data)));
}

async function write(stream: Writable, chunk: Uint8Array, signal: AbortSignal): Promise<void> {
  if (!stream.write(chunk)) await once(stream, "drain", { signal });
}
