// A store in a bucket of Amazon S3, or of what speaks its protocol. An object appears when its put is complete: the server
// sees to that.
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
} from "@aws-sdk/client-s3";
import { Readable } from "node:stream";
import { HoldfastError } from "../core/errors.ts";
import type { S3Declaration } from "../core/store-declaration.ts";
import { bodyChunks, checkRange, noSuchObject } from "./body.ts";
import { checkKey, isKey } from "./key.ts";
import { connectS3, S3BeyondEnd, S3Missing, type S3Connection } from "./s3-client.ts";
import { abortUploads, uploadS3 } from "./s3-upload.ts";
import type { GetOptions, LookOptions, PutOptions, Store, StoredObject } from "./store.ts";

/** How often a read that breaks off goes on where it ended, without a byte in between. */
const RESUMPTIONS_MAX = 3;

/** Opens no connection yet. @throws HoldfastError CONFIG_INVALID for a prefix that no key can begin with */
export function s3Store(declaration: S3Declaration): Store {
  const bucket: S3Bucket = {
    connection: connectS3(declaration),
    name: declaration.bucket,
    prefix: normalizePrefix(declaration.prefix ?? ""),
  };
  return {
    kind: "s3",
    place: describePlace(declaration, bucket.prefix),
    put: async (key, body, options = {}) => {
      checkKey(key);
      await putObject(bucket, key, body, options);
    },
    get: (key, options = {}) => readObject(bucket, key, options),
    list: (prefix, options = {}) => listObjects(bucket, prefix, options),
    stat: async (key, options = {}) => {
      checkKey(key);
      return await statObject(bucket, key, options);
    },
    delete: async (key, options = {}) => {
      checkKey(key);
      await deleteObject(bucket, key, options);
    },
    deleteUnfinished: async (segment, { signal } = {}) => {
      checkKey(segment);
      await abortUploads(bucket.connection, placeOf(bucket, `${segment}/`), signal);
    },
    close: async () => bucket.connection.close(),
  };
}

interface S3Bucket {
  readonly connection: S3Connection;
  readonly name: string;
  /** Empty, or ends with "/". */
  readonly prefix: string;
}

function normalizePrefix(prefix: string): string {
  const trimmed = prefix.replace(/^\/+|\/+$/g, "");
  if (trimmed === "") return "";
  if (!isKey(trimmed))
    throw new HoldfastError("CONFIG_INVALID", `${JSON.stringify(prefix)} is no prefix of keys in a bucket.`);
  return `${trimmed}/`;
}

function describePlace({ bucket, endpoint }: S3Declaration, prefix: string): string {
  const at = endpoint === undefined ? "" : ` at ${new URL(endpoint).origin}`;
  return `s3://${bucket}/${prefix}${at}`;
}

function placeOf(bucket: S3Bucket, key: string) {
  return { Bucket: bucket.name, Key: bucket.prefix + key };
}

function withSignal(signal: AbortSignal | undefined) {
  return signal === undefined ? {} : { abortSignal: signal };
}

async function putObject(
  bucket: S3Bucket,
  key: string,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  options: PutOptions,
): Promise<void> {
  await uploadS3(bucket.connection, {
    act: `write ${key}`,
    place: placeOf(bucket, key),
    chunks: bodyChunks(key, body, options),
    sizeBytes: options.sizeBytes,
    signal: options.signal,
  });
  if ((await statObject(bucket, key, {})) === undefined)
    throw new HoldfastError("STORE_FAILED", `The S3 store took ${key}, and does not have it.`);
}

/** The answer to a look at one object; undefined where it is not there. */
async function statObject(
  bucket: S3Bucket,
  key: string,
  { signal }: LookOptions,
): Promise<StoredObject | undefined> {
  const { run } = bucket.connection;
  try {
    const head = await run(
      `look at ${key}`,
      (client) => client.send(new HeadObjectCommand(placeOf(bucket, key)), withSignal(signal)),
      signal,
    );
    return { key, sizeBytes: head.ContentLength ?? 0, modifiedAt: head.LastModified ?? new Date(0) };
  } catch (error) {
    if (!(error instanceof S3Missing)) throw error;
  }
  // The answer to a HEAD does not say whether it is the object or the whole bucket that is not there.
  try {
    await run(
      `look at ${key}`,
      (client) => client.send(new HeadBucketCommand({ Bucket: bucket.name }), withSignal(signal)),
      signal,
    );
  } catch (error) {
    if (!(error instanceof S3Missing)) throw error;
    throw new HoldfastError("STORE_FAILED", `The S3 store has no bucket ${bucket.name}.`, {
      hint: "Make the bucket, or correct its name.",
    });
  }
  return undefined;
}

async function* readObject(bucket: S3Bucket, key: string, options: GetOptions): AsyncGenerator<Uint8Array> {
  checkKey(key);
  checkRange(options);
  const { start = 0, end, signal } = options;
  if (start === end) {
    // S3 knows no empty range; the object has to be there all the same.
    if ((await statObject(bucket, key, options)) === undefined) throw noSuchObject(key);
    return;
  }
  let at = start;
  let version: string | undefined;
  for (let resumptions = 0; ;) {
    const answer = await openRange(bucket, key, { start: at, end, version, signal });
    if (answer === undefined) return;
    version = answer.version;
    const stopAt = at + answer.sizeBytes;
    try {
      for await (const chunk of answer.body) {
        signal?.throwIfAborted();
        at += chunk.length;
        resumptions = 0;
        yield chunk;
      }
      if (at >= stopAt) return;
    } catch {
      signal?.throwIfAborted();
    }
    if (resumptions === RESUMPTIONS_MAX)
      throw new HoldfastError("STORE_FAILED", `The S3 store broke off in the middle of ${key}.`);
    resumptions += 1;
  }
}

interface RangeAnswer {
  readonly body: AsyncIterable<Uint8Array>;
  readonly sizeBytes: number;
  readonly version: string | undefined;
}

/** @param range `version`: only of the object that has been read so far; @returns undefined beyond the object's end */
async function openRange(
  bucket: S3Bucket,
  key: string,
  range: {
    start: number;
    end: number | undefined;
    version: string | undefined;
    signal: AbortSignal | undefined;
  },
): Promise<RangeAnswer | undefined> {
  const { start, end, version, signal } = range;
  const isPart = start > 0 || end !== undefined;
  const command = new GetObjectCommand({
    ...placeOf(bucket, key),
    ...(isPart && { Range: `bytes=${start}-${end === undefined ? "" : end - 1}` }),
    ...(version !== undefined && { IfMatch: version }),
  });
  try {
    const { Body, ContentLength, ContentRange, ETag } = await bucket.connection.run(
      `read ${key}`,
      (client) => client.send(command, withSignal(signal)),
      signal,
    );
    if (
      !(Body instanceof Readable) ||
      ContentLength === undefined ||
      (isPart && ContentRange === undefined)
    ) {
      if (Body instanceof Readable) Body.destroy();
      // Of an empty object every range is the whole.
      if (ContentLength === 0) return undefined;
      throw new HoldfastError("STORE_FAILED", `The S3 store answers for ${key} with what was not asked for.`);
    }
    return { body: Body, sizeBytes: ContentLength, version: ETag };
  } catch (error) {
    if (error instanceof S3Missing) throw noSuchObject(key);
    if (error instanceof S3BeyondEnd) return undefined;
    throw error;
  }
}

async function* listObjects(
  bucket: S3Bucket,
  prefix: string,
  { signal }: LookOptions,
): AsyncGenerator<StoredObject> {
  // What is no text is the beginning of no key.
  if (!prefix.isWellFormed() || /\p{Cc}/u.test(prefix)) return;
  const query = { Bucket: bucket.name, Prefix: bucket.prefix + prefix };
  let after: string | undefined;
  for (;;) {
    const {
      Contents = [],
      IsTruncated,
      NextContinuationToken,
    } = await bucket.connection.run(
      `list ${prefix}`,
      (client) =>
        client.send(
          new ListObjectsV2Command({ ...query, ...(after !== undefined && { ContinuationToken: after }) }),
          withSignal(signal),
        ),
      signal,
    );
    for (const { Key = "", Size = 0, LastModified = new Date(0) } of Contents) {
      const key = Key.slice(bucket.prefix.length);
      // Somebody else's, such as the markers of directories that some tools make.
      if (isKey(key)) yield { key, sizeBytes: Size, modifiedAt: LastModified };
    }
    if (IsTruncated !== true || NextContinuationToken === undefined) return;
    after = NextContinuationToken;
  }
}

async function deleteObject(bucket: S3Bucket, key: string, { signal }: LookOptions): Promise<void> {
  try {
    await bucket.connection.run(
      `delete ${key}`,
      (client) => client.send(new DeleteObjectCommand(placeOf(bucket, key)), withSignal(signal)),
      signal,
    );
  } catch (error) {
    if (!(error instanceof S3Missing)) throw error;
  }
}
