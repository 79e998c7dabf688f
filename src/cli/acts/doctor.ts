// Examines what backups and restores need, and prints each finding as it comes.
import { readEnvironment } from "../../config/environment.ts";
import { HoldfastError } from "../../core/errors.ts";
import { examine } from "../../doctor/examine.ts";
import type { Finding } from "../../doctor/finding.ts";
import { formatQuantity } from "../terminal/format.ts";
import { paint } from "../terminal/paint.ts";

export interface DoctorOptions {
  readonly databaseUrl?: string;
  readonly json?: boolean;
}

/** @throws HoldfastError NOT_WELL when there is a fault, after everything has been printed */
export async function runDoctor(
  { databaseUrl, json = false }: DoctorOptions,
  signal: AbortSignal,
): Promise<void> {
  const environment = readEnvironment(process.env);
  const findings: Finding[] = [];
  for await (const finding of examine({ environment, databaseUrl }, signal)) {
    findings.push(finding);
    if (!json) process.stdout.write(`${describe(finding)}\n`);
  }
  const count = (level: Finding["level"]): number =>
    findings.filter((finding) => finding.level === level).length;
  const [faults, warnings] = [count("FAULT"), count("WARNING")];
  if (json) process.stdout.write(`${JSON.stringify({ findings, faults, warnings }, null, 2)}\n`);
  if (faults > 0)
    throw new HoldfastError(
      "NOT_WELL",
      `There ${faults === 1 ? "is" : "are"} ${formatQuantity(faults, "fault")}.`,
    );
}

const LEVELS = {
  OK: ["ok     ", "green"],
  WARNING: ["warning", "yellow"],
  FAULT: ["fault  ", "red"],
} as const;

function describe({ level, area, message, hint, mend }: Finding): string {
  const [word, colour] = LEVELS[level];
  const below = [...(hint === undefined ? [] : [hint]), ...mend];
  const label = paint(process.stdout, colour, word);
  return [`${label}  ${area}: ${message}`, ...below.map((line) => `         ${line}`)].join("\n");
}
