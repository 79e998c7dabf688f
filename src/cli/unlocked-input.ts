// An input that has been opened with its key: every command that looks into a backup begins with this.
import { openArtifact, readIndex, type ArtifactReader, type Unlock } from "../engine/artifact-reader.ts";
import type { Input } from "./files/input.ts";
import { obtainUnlock, type KeySources } from "./keys.ts";
import type { UnlockOptions } from "./shared-options.ts";

export interface UnlockedInput {
  readonly artifact: ArtifactReader;
  /** Opens it again, at once. */
  readonly unlock: Unlock;
}

/**
 * Obtains what opens an input, and opens it.
 * @throws as `obtainUnlock` and `openArtifact`: a wrong passphrase is found here, before anything is done
 */
export async function unlockInput(
  { source }: Input,
  options: UnlockOptions,
  sources: KeySources,
): Promise<UnlockedInput> {
  const { header } = await readIndex(source, sources.signal);
  const unlock = await obtainUnlock(header.encryption, options, sources);
  const artifact = await openArtifact(source, unlock, sources.signal);
  return { artifact, unlock: { ...unlock, artifactIdentity: artifact.artifactIdentity ?? undefined } };
}
