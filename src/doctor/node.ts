// The program that runs us.
import { fault, ok, type Finding } from "./finding.ts";

/** As package.json's `engines` has it. */
const LEAST = 24;

export function checkNode(version: string = process.versions.node): Finding[] {
  const major = Number.parseInt(version, 10);
  return [
    major >= LEAST
      ? ok("node", `version ${version}`)
      : { ...fault("node", `version ${version} is too old`), hint: `Install Node.js ${LEAST} or later.` },
  ];
}
