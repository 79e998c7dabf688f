// GraphQL requests that bring a file, as https://github.com/jaydenseric/graphql-multipart-request-spec has them. The file is
// written to disk as it comes, and the operation is carried out when it is there whole: memory does not grow with it.
import type { IncomingMessage } from "node:http";
import busboy from "busboy";
import type { GraphQLParams } from "graphql-yoga";
import { z } from "zod";
import type { Auth } from "../auth/auth.ts";
import { requirePermissions } from "../auth/permissions.ts";
import { MANAGE_BACKUPS } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import { UploadedFile } from "../runs/keeping.ts";
import type { SpooledFile } from "./rest/spool.ts";

export interface UploadOptions {
  /** A client that sends nothing for so long is one that has gone: its connection is ended. */
  readonly stallMs: number;
  /** Of the request: aborted when the client leaves. */
  readonly signal: AbortSignal;
}

const MAX_FIELD_BYTES = 1024 * 1024;
const LIMITS = { files: 1, fields: 2, parts: 4, fieldSize: MAX_FIELD_BYTES, headerPairs: 50 };

const operationsShape = z.object({
  query: z.string(),
  variables: z.record(z.string(), z.unknown()).optional(),
  operationName: z.string().nullish(),
});
/** Which variable is which part: `{ "0": ["variables.file"] }`. */
const mapShape = z.record(z.string(), z.tuple([z.string().regex(/^variables\.[_A-Za-z][_0-9A-Za-z]*$/)]));

export function bringsGraphqlFile({ headers }: IncomingMessage): boolean {
  return /^multipart\/form-data\b/i.test(headers["content-type"] ?? "");
}

/**
 * Whoever may import nothing sends no file here: that is refused before the body is read. A page of another site cannot set the
 * header either, so that nothing is done in somebody's name.
 * @throws HoldfastError UNAUTHENTICATED, FORBIDDEN
 */
export async function authorizeUpload(auth: Auth, authorization: string | undefined): Promise<void> {
  if (authorization === undefined)
    throw new HoldfastError("UNAUTHENTICATED", "A file is taken from a signed-in caller only.");
  requirePermissions(await auth.authenticate(authorization), [MANAGE_BACKUPS]);
}

/**
 * Reads the request, and writes its one file into `target`.
 * @throws HoldfastError BAD_INPUT with a hint for a request that is not of that form; NO_SPACE; the signal's reason
 */
export async function receiveOperation(
  incoming: IncomingMessage,
  target: SpooledFile,
  { stallMs, signal }: UploadOptions,
): Promise<GraphQLParams> {
  const form = openForm(incoming);
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const over = Promise.withResolvers<void>();
  const fields = new Map<string, string>();
  let file: { readonly name: string; readonly filled: Promise<number> } | undefined;

  form.on("field", (name, value, { valueTruncated }) => {
    if (valueTruncated) over.reject(new HoldfastError("TOO_LARGE", `The field ${name} is too long.`));
    fields.set(name, value);
  });
  form.on("file", (name, bytes) => {
    bytes.on("error", () => undefined); // what ends the file early is told by the form
    const filled = target.fill(bytes, either);
    filled.catch(over.reject);
    file = { name, filled };
  });
  for (const limit of ["filesLimit", "fieldsLimit", "partsLimit"] as const)
    form.on(limit, () => over.reject(fault("The request has more parts than operations, map and one file.")));
  form.on("error", (error) => over.reject(malformed(error)));
  form.on("close", over.resolve);

  const leave = () => over.reject(signal.reason);
  if (signal.aborted) leave();
  signal.addEventListener("abort", leave, { once: true });
  incoming.setTimeout(stallMs, () => incoming.destroy());
  incoming.on("error", () => undefined); // the connection is gone, which the signal tells
  incoming.pipe(form);
  try {
    await over.promise;
    if (file === undefined) throw fault("The request brings no file.");
    const operations = parseField(fields, "operations", operationsShape);
    const places = parseField(fields, "map", mapShape)[file.name];
    if (places === undefined) throw fault(`\`map\` does not say where the part ${file.name} belongs.`);
    const variable = places[0].slice("variables.".length);
    const upload = new UploadedFile(target.path, await file.filled);
    return {
      query: operations.query,
      ...(operations.operationName != null && { operationName: operations.operationName }),
      variables: { ...operations.variables, [variable]: upload },
    };
  } catch (error) {
    stop.abort(error);
    await file?.filled.catch(() => undefined);
    throw error;
  } finally {
    incoming.setTimeout(0);
    signal.removeEventListener("abort", leave);
    incoming.unpipe(form);
    form.destroy();
  }
}

function openForm(incoming: IncomingMessage): busboy.Busboy {
  try {
    return busboy({ headers: incoming.headers, limits: LIMITS });
  } catch (error) {
    throw malformed(error);
  }
}

function parseField<T>(fields: ReadonlyMap<string, string>, name: string, shape: z.ZodType<T>): T {
  const text = fields.get(name);
  if (text === undefined) throw fault(`The request has no field ${name}.`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw fault(`The field ${name} is not JSON.`, error);
  }
  const result = shape.safeParse(json);
  if (result.success) return result.data;
  throw fault(`The field ${name} is not what it should be: ${z.prettifyError(result.error)}`);
}

function malformed(cause: unknown): HoldfastError {
  return fault(`The request cannot be read${cause instanceof Error ? `: ${cause.message}` : ""}.`, cause);
}

function fault(message: string, cause?: unknown): HoldfastError {
  return new HoldfastError("BAD_INPUT", message, {
    hint: "Send it as the GraphQL multipart request specification has it: the fields operations and map, then the file.",
    cause,
  });
}
