// The server's secret key: whether others can read it, and whether it can be guessed.
import { stat } from "node:fs/promises";
import path from "node:path";
import { readSecretKey } from "../config/secret-key.ts";
import type { Environment } from "../config/environment.ts";
import { fault, ok, warning, type Finding } from "./finding.ts";

const AREA = "secret key";
/** A key of that few different characters was not drawn by chance. */
const LEAST_CHARACTERS = 12;

export async function checkKeys({
  secretKey,
  dataDir,
}: Pick<Environment, "secretKey" | "dataDir">): Promise<Finding[]> {
  if (secretKey !== undefined)
    return [
      new Set(secretKey).size >= LEAST_CHARACTERS
        ? ok(AREA, "HOLDFAST_SECRET_KEY is set")
        : warning(AREA, "HOLDFAST_SECRET_KEY looks as if it could be guessed", "openssl rand -base64 32"),
    ];
  const directory = path.resolve(dataDir);
  const key = await readSecretKey(directory);
  if (key === undefined) return [ok(AREA, `will be made in ${directory} at the first start`)];
  const file = path.join(directory, "secret.key");
  const findings = [...(await checkMode(file, 0o077, "600")), ...(await checkMode(directory, 0o022, "700"))];
  return findings.length > 0 ? findings : [ok(AREA, `${file} can be read by its owner alone`)];
}

async function checkMode(file: string, others: number, should: string): Promise<Finding[]> {
  const { mode } = await stat(file);
  if ((mode & others) === 0) return [];
  const may = others === 0o077 ? "read" : "changed";
  return [
    fault(
      AREA,
      `${file} can be ${may} by others`,
      `chmod ${should} '${file.replaceAll("'", String.raw`'\''`)}'`,
    ),
  ];
}
