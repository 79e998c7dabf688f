// Whether and how traces are sent, by OpenTelemetry's own variables. Only process roots call it.
import { z } from "zod";
import { HoldfastError } from "../core/errors.ts";

const PROTOCOLS = ["http/protobuf", "http/json"] as const;
const SAMPLERS = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;

const url = z
  .string()
  .refine(
    (value) => ["http:", "https:"].includes(URL.parse(value)?.protocol ?? ""),
    "must be a URL that starts with http:// or https://",
  )
  .optional();
const protocol = z
  .enum(PROTOCOLS, `must be one of ${PROTOCOLS.join(", ")}; a collector takes them on port 4318`)
  .optional();
const count = z.string().regex(/^\d+$/, "must be a whole number").transform(Number).optional();

const variables = z.object({
  OTEL_EXPORTER_OTLP_ENDPOINT: url,
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url,
  OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: protocol,
  OTEL_TRACES_SAMPLER: z.enum(SAMPLERS, `must be one of ${SAMPLERS.join(", ")}`).optional(),
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .transform(Number)
    .refine((ratio) => ratio >= 0 && ratio <= 1, "must be a number from 0 to 1")
    .optional(),
  OTEL_BSP_SCHEDULE_DELAY: count,
  OTEL_BSP_EXPORT_TIMEOUT: count,
  OTEL_BSP_MAX_QUEUE_SIZE: count,
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: count,
});

export interface TracingSettings {
  readonly protocol: (typeof PROTOCOLS)[number];
  readonly sampler: (typeof SAMPLERS)[number];
  /** Of traces that are kept, by samplers that keep a part of them. */
  readonly ratio: number;
  /** Of spans on their way; what is undefined has the SDK's default. */
  readonly batch: {
    readonly scheduledDelayMillis: number | undefined;
    readonly exportTimeoutMillis: number | undefined;
    readonly maxQueueSize: number | undefined;
    readonly maxExportBatchSize: number | undefined;
  };
}

/**
 * Traces are sent where OTEL_TRACES_EXPORTER says otlp, or an endpoint is named. The exporter reads the endpoint, headers, timeout,
 * compression and certificates itself, and the resource its name and attributes.
 * @returns undefined: no traces are sent, and no variable is looked at any further
 * @throws HoldfastError CONFIG_INVALID that names every fault
 */
export function readTracing(environment: NodeJS.ProcessEnv): TracingSettings | undefined {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
  const exporter = given["OTEL_TRACES_EXPORTER"]?.trim();
  const isNamed =
    given["OTEL_EXPORTER_OTLP_ENDPOINT"] !== undefined ||
    given["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] !== undefined;
  if (given["OTEL_SDK_DISABLED"]?.trim().toLowerCase() === "true" || exporter === "none") return undefined;
  if (exporter === undefined && !isNamed) return undefined;
  const read = variables.safeParse(given);
  const faults = [
    ...(exporter === undefined || exporter === "otlp" ? [] : ["OTEL_TRACES_EXPORTER: must be otlp or none"]),
    ...(read.error?.issues ?? []).map((issue) => `${issue.path.join(".")}: ${issue.message}`),
  ];
  if (!read.success || faults.length > 0)
    throw new HoldfastError("CONFIG_INVALID", `The environment is not valid:\n${faults.join("\n")}`, {
      hint: "Correct the named variables and start again; OTEL_SDK_DISABLED=true turns traces off.",
      details: { faults },
    });
  const values = read.data;
  return {
    protocol:
      values.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? values.OTEL_EXPORTER_OTLP_PROTOCOL ?? "http/protobuf",
    sampler: values.OTEL_TRACES_SAMPLER ?? "parentbased_always_on",
    ratio: values.OTEL_TRACES_SAMPLER_ARG ?? 1,
    batch: {
      scheduledDelayMillis: values.OTEL_BSP_SCHEDULE_DELAY,
      exportTimeoutMillis: values.OTEL_BSP_EXPORT_TIMEOUT,
      maxQueueSize: values.OTEL_BSP_MAX_QUEUE_SIZE,
      maxExportBatchSize: values.OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
    },
  };
}
