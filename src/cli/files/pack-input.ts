// The single-file form of an input, whatever form it came in.
import { createWriteStream } from "node:fs";
import path from "node:path";
import { finished } from "node:stream/promises";
import { INDEX_NAME } from "../../core/artifact.ts";
import { tarSink } from "../../engine/artifact-io.ts";
import { readIndex } from "../../engine/artifact-reader.ts";
import type { Input } from "./input.ts";
import { makePrivateDirectory } from "./private-directory.ts";

export interface PackedInput extends AsyncDisposable {
  readonly path: string;
}

/** The input's own file where it is one, else one made of its objects in a private directory; its user disposes of it. */
export async function packInput(input: Input, signal: AbortSignal): Promise<PackedInput> {
  if (input.file !== undefined) return { path: input.file, [Symbol.asyncDispose]: async () => undefined };
  await using opened = new AsyncDisposableStack();
  const { path: directory } = opened.use(await makePrivateDirectory());
  const file = path.join(directory, "artifact");
  await packArtifact(input, file, signal);
  const closing = opened.move();
  return { path: file, [Symbol.asyncDispose]: () => closing.disposeAsync() };
}

async function packArtifact({ source }: Input, file: string, signal: AbortSignal): Promise<void> {
  const { header, index, indexSeal } = await readIndex(source, signal);
  const stream = createWriteStream(file, { mode: 0o600, flags: "wx" });
  const sink = tarSink(stream, new Date(header.createdAt));
  try {
    for (const { name, sizeBytes } of index.objects)
      await sink.put(name, source.read(name, signal), sizeBytes, signal);
    await sink.put(INDEX_NAME, source.read(INDEX_NAME, signal), indexSeal.sizeBytes, signal);
    await sink.finish();
    await finished(stream.end());
  } catch (error) {
    await sink.abort();
    throw error;
  }
}
