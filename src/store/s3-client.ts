// The AWS SDK's client as a store uses it, and what its failures mean. An error of the SDK carries the request that was
// sent, with its signature: none of them leaves this file.
import { S3Client, S3ServiceException } from "@aws-sdk/client-s3";
import { HoldfastError } from "../core/errors.ts";
import type { S3Declaration } from "../core/store-declaration.ts";

/** Of each request, the first one counted; the SDK waits longer before each. */
const ATTEMPTS_MAX = 5;
const CONNECT_TIMEOUT_MS = 10_000;
/** A server that says nothing for so long has failed. */
const IDLE_TIMEOUT_MS = 60_000;

/** Runs one request, or several: what the server answers as a failure is thrown as a HoldfastError. */
export type S3Act = <T>(
  act: string,
  send: (client: S3Client) => Promise<T>,
  signal?: AbortSignal,
) => Promise<T>;

export interface S3Connection {
  /**
   * @throws HoldfastError STORE_FAILED; the signal's reason when it is aborted; S3Missing for an object that is not there
   */
  readonly run: S3Act;
  /** How bodies are guarded on their way: by the SDK's own checksums, or by the MD5 that every server knows. */
  readonly sendsMd5: boolean;
  close(): void;
}

/** The object that was asked for is not there: 404 for it, not for its bucket. */
export class S3Missing extends Error {}
/** The range that was asked for begins after the object's end. */
export class S3BeyondEnd extends Error {}

export function connectS3(declaration: S3Declaration): S3Connection {
  const { endpoint, region, accessKeyId, secretAccessKey, sessionToken } = declaration;
  const { pathStyle = endpoint !== undefined } = declaration;
  const { checksums = endpoint === undefined ? "WHEN_SUPPORTED" : "WHEN_REQUIRED" } = declaration;
  const chosenRegion = region ?? (endpoint === undefined ? undefined : "us-east-1");
  const client = new S3Client({
    ...(chosenRegion !== undefined && { region: chosenRegion }),
    ...(endpoint !== undefined && { endpoint }),
    ...(accessKeyId !== undefined &&
      secretAccessKey !== undefined && {
        credentials: { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) },
      }),
    forcePathStyle: pathStyle,
    requestChecksumCalculation: checksums,
    responseChecksumValidation: checksums,
    maxAttempts: ATTEMPTS_MAX,
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, socketTimeout: IDLE_TIMEOUT_MS },
  });
  const secrets = [accessKeyId, secretAccessKey, sessionToken].filter((secret) => secret !== undefined);
  return {
    sendsMd5: checksums === "WHEN_REQUIRED",
    run: async (act, send, signal) => {
      signal?.throwIfAborted();
      try {
        return await send(client);
      } catch (error) {
        signal?.throwIfAborted();
        throw translate(error, act, secrets);
      }
    },
    close: () => client.destroy(),
  };
}

function translate(error: unknown, act: string, secrets: readonly string[]): Error {
  if (error instanceof HoldfastError || error instanceof S3Missing) return error;
  const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
  const name = error instanceof Error ? error.name : "Error";
  if (status === 416) return new S3BeyondEnd();
  if (status === 404 && name !== "NoSuchBucket" && name !== "NoSuchUpload") return new S3Missing();
  // Neither the error nor its stack goes along: it holds the request's headers, and with them the signature.
  return new HoldfastError(
    "STORE_FAILED",
    `The S3 store could not ${act}: ${reasonOf(error, name, status, secrets)}`,
    {
      ...hintFor(name, status),
      details: { reason: name, ...(status !== undefined && { status }) },
    },
  );
}

function reasonOf(
  error: unknown,
  name: string,
  status: number | undefined,
  secrets: readonly string[],
): string {
  // A failure to connect to each of several addresses has no message of its own.
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const said = inner instanceof Error ? inner.message : String(inner);
  const words = [
    ["Error", "Unknown", "UnknownError", "AggregateError"].includes(name) ? "" : name,
    ["", "UnknownError"].includes(said)
      ? status === undefined
        ? "no answer"
        : `HTTP status ${status}`
      : said,
  ];
  const reason = words.filter((word) => word !== "").join(": ");
  return secrets.reduce((text, secret) => text.replaceAll(secret, "***"), reason);
}

function hintFor(name: string, status: number | undefined): { hint?: string } {
  if (name === "NoSuchBucket") return { hint: "Make the bucket, or correct its name." };
  if (name === "CredentialsProviderError")
    return { hint: "Set accessKeyId and secretAccessKey, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY." };
  if (status === 401 || status === 403)
    return {
      hint: "Check the access key and its secret, what they may do to the bucket, and this machine's clock.",
    };
  if (status === 301 || status === 307) return { hint: "Set the bucket's own region." };
  return {};
}
