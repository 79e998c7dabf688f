// What the requests that move backups say besides their bodies: group, query and keys.
import type { IncomingMessage } from "node:http";
import type { Context } from "hono";
import type { Catalog, EntityGroup } from "../../core/catalog.ts";
import { HoldfastError } from "../../core/errors.ts";
import type { Unlock } from "../../engine/artifact-reader.ts";
import type { ArtifactEncryption } from "../../engine/artifact-writer.ts";

const PASSPHRASE_HEADER = "Holdfast-Passphrase";
const IDENTITY_HEADER = "Holdfast-Identity";

/** The group's name in paths and files. */
export function groupPath({ name }: EntityGroup): string {
  return name.toLowerCase();
}

/** @throws HoldfastError NOT_FOUND, whose hint lists the groups */
export function groupAt(catalog: Catalog, path: string): EntityGroup {
  const group = catalog.groups.find((candidate) => groupPath(candidate) === path);
  if (group !== undefined) return group;
  throw new HoldfastError("NOT_FOUND", `There is no group ${path}.`, {
    hint: `The groups are ${catalog.groups.map(groupPath).join(", ")}.`,
  });
}

/**
 * What gives all the values of a parameter of the query.
 * @throws HoldfastError BAD_INPUT for one that is not known: a misspelt one may have been to encrypt, or to change nothing
 */
export function readQuery<Name extends string>(
  c: Context,
  known: readonly Name[],
): (name: Name) => readonly string[] {
  const given = c.req.queries();
  for (const name of Object.keys(given)) {
    if (known.some((candidate) => candidate === name)) continue;
    throw new HoldfastError("BAD_INPUT", `There is no parameter ${name} here.`, {
      hint: known.length === 0 ? "Leave it out." : `The parameters are ${known.join(", ")}.`,
    });
  }
  return (name) => given[name] ?? [];
}

/** @throws HoldfastError BAD_INPUT for a passphrase and recipients at once, and for a passphrase that is empty */
export function readEncryption(request: IncomingMessage, recipients: readonly string[]): ArtifactEncryption {
  const passphrase = readHeader(request, PASSPHRASE_HEADER);
  if (passphrase !== undefined && recipients.length > 0) {
    throw new HoldfastError("BAD_INPUT", "The request has both a passphrase and recipients.", {
      hint: "Give one of the two: age encrypts to a passphrase or to recipients.",
    });
  }
  if (passphrase !== undefined) return { kind: "PASSPHRASE", passphrase };
  if (recipients.length > 0) return { kind: "RECIPIENTS", recipients: [...new Set(recipients)] };
  return { kind: "NONE" };
}

/** @throws HoldfastError BAD_INPUT for a passphrase and an identity at once, and for one that is empty */
export function readUnlock(request: IncomingMessage): Unlock {
  const passphrase = readHeader(request, PASSPHRASE_HEADER);
  const identity = readHeader(request, IDENTITY_HEADER);
  if (passphrase !== undefined && identity !== undefined) {
    throw new HoldfastError("BAD_INPUT", "The request has both a passphrase and an identity.", {
      hint: "Give the one that opens the backup.",
    });
  }
  return { passphrase, identity };
}

/** HTTP takes headers for Latin-1, and programs send text in UTF-8: a passphrase is what was typed, not what it looks like. */
function readHeader(request: IncomingMessage, name: string): string | undefined {
  const [value, ...others] = request.headersDistinct[name.toLowerCase()] ?? [];
  if (value === undefined) return undefined;
  if (others.length > 0) throw new HoldfastError("BAD_INPUT", `The header ${name} is there twice.`);
  if (value === "") throw new HoldfastError("BAD_INPUT", `The header ${name} is empty.`);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(value, "latin1"));
  } catch (cause) {
    throw new HoldfastError("BAD_INPUT", `The header ${name} is not UTF-8.`, { cause });
  }
}
