// Backs up and restores through a server's API: artifacts come and go over the streaming endpoints.
import type { Manifest } from "../../core/artifact.ts";
import { HoldfastError, isHoldfastError } from "../../core/errors.ts";
import { NO_PROGRESS } from "../../core/run.ts";
import { openArtifact } from "../../engine/artifact-reader.ts";
import { openServerApi } from "../client/api.ts";
import type { Connection } from "../client/connection.ts";
import { createRestClient, type OnBytes } from "../client/rest-client.ts";
import { UsageError } from "../failure.ts";
import { packInput } from "../files/pack-input.ts";
import type { ActControl, Backend } from "./backend.ts";
import { keepBackup } from "./kept.ts";

/** Nothing is opened that would have to be closed; what the caller may do is for the server to say. */
export function openServerBackend(connection: Connection): Backend {
  return {
    async backUp(command, stream, control) {
      await using api = openServerApi(connection, control.signal);
      const report = await keepBackup(api, command, control);
      try {
        await api.download(report.id, stream, showBytes("downloading", control));
      } catch (error) {
        if (!isHoldfastError(error)) throw error;
        throw new HoldfastError(error.code, error.message, {
          hint: `The server keeps the backup all the same: holdfast backups download ${report.id} --output FILE.`,
          cause: error,
        });
      }
      return report;
    },

    async restore({ input, unlock, entities, ...command }, control) {
      const { manifest } = await openArtifact(input.source, unlock, control.signal);
      const group = groupOf(manifest, entities, input.name);
      await using file = await packInput(input, control.signal);
      // Nobody can sign the portable form, which is made to be read and edited: whoever sends it vouches for it himself. The
      // server asks for the permission all the same.
      const vouches = input.form === "portable" && !command.dryRun;
      const allowUntrusted = vouches || command.allowUntrusted;
      return await createRestClient(connection, control.signal).restoreGroup(
        {
          group: group.toLowerCase(),
          file: file.path,
          unlock,
          expectPlan: undefined,
          ...command,
          allowUntrusted,
        },
        showBytes("uploading", control),
      );
    },

    [Symbol.asyncDispose]: async () => undefined,
  };
}

function showBytes(phase: string, { onProgress }: ActControl): OnBytes {
  return (bytes, bytesTotal) => {
    const percent = bytesTotal === null ? 0 : Math.min(100, (100 * bytes) / bytesTotal);
    onProgress({ ...NO_PROGRESS, phase, bytes, bytesTotal, percent });
  };
}

/**
 * The one group that a file holds, which is what the server takes.
 * @throws UsageError for a file of several groups, and for some of a file
 */
function groupOf(manifest: Manifest, chosen: readonly string[] | undefined, name: string): string {
  const held = manifest.entities;
  const groups = new Set(held.map(({ group }) => group));
  const [group] = groups;
  const hint =
    "Restore it where the database can be reached: leave out --server (and HOLDFAST_SERVER) and set HOLDFAST_DATABASE_URL, " +
    "or HOLDFAST_DATA_DIR while no server runs. A backup that the server keeps is restored with --backup ID, all of it or some.";
  if (group === undefined || groups.size > 1) {
    throw new UsageError(
      `${name} holds entities of several groups (${[...groups].join(", ")}), and a server takes files of one group.`,
      hint,
    );
  }
  if (chosen !== undefined && held.some((entity) => !chosen.includes(entity.name)))
    throw new UsageError(
      `A server restores all that a file holds, and ${name} holds more than was chosen.`,
      hint,
    );
  return group;
}
