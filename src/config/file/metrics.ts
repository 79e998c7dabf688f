// The port for metrics that a configuration file may open.
import { kindOf } from "./faults.ts";
import type { Section } from "./section.ts";

export interface MetricsPort {
  /** 0: any free port. */
  readonly port: number;
  /** undefined: the loopback address. */
  readonly host: string | undefined;
}

const EXAMPLE = "{ port: 9464 }";

/** @returns undefined: metrics have no port of their own */
export function readMetrics(root: Section): MetricsPort | undefined {
  const section = root.section("metrics", EXAMPLE);
  if (section === undefined) return undefined;
  section.allow("port", "host");
  const { value } = section.item("port");
  const host = section.text("host");
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 65_535)
    return { port: value, host };
  const problem = typeof value === "number" ? `is ${value}` : `is ${kindOf(value)}`;
  return section.fault(
    "port",
    `${value === undefined ? "is missing" : problem}; write a number from 0 to 65535 (0: any free port)`,
  );
}
