// Sends traces to a collector, over OTLP. Loaded only where traces are wanted.
import { context, diag, DiagLogLevel, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type Sampler,
  type SpanExporter,
} from "@opentelemetry/sdk-trace";
import type { Logger } from "pino";
import type { TracingSettings } from "../config/tracing.ts";
import { setTracing } from "../telemetry/spans.ts";

/** A collector that does not answer keeps no process from ending. */
const SHUTDOWN_MS = 5_000;

/**
 * For the whole process, from here on.
 * @returns what sends the spans that are left, and traces no more
 */
export async function startTracing(settings: TracingSettings, log: Logger): Promise<AsyncDisposable> {
  const say = (level: "warn" | "error") => (message: string) =>
    log[level]({ part: "tracing" }, message.slice(0, 500));
  const ignore = (): void => undefined;
  diag.setLogger(
    { verbose: ignore, debug: ignore, info: ignore, warn: say("warn"), error: say("error") },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ "service.name": "holdfast" }))
      .merge(detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] })),
    sampler: samplerOf(settings),
    spanProcessors: [
      new BatchSpanProcessor({ ...defined(settings.batch), exporter: await openExporter(settings) }),
    ],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  // Baggage is anybody's, and would be kept in the queue.
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  setTracing(true);
  return {
    async [Symbol.asyncDispose]() {
      setTracing(false);
      const timeout = Promise.withResolvers<void>();
      const timer = setTimeout(timeout.resolve, SHUTDOWN_MS);
      await Promise.race([provider.shutdown().catch(ignore), timeout.promise]);
      clearTimeout(timer);
      for (const api of [trace, context, propagation, diag]) api.disable();
    },
  };
}

async function openExporter({ protocol }: TracingSettings): Promise<SpanExporter> {
  const { OTLPTraceExporter } = await (protocol === "http/json"
    ? import("@opentelemetry/exporter-trace-otlp-http")
    : import("@opentelemetry/exporter-trace-otlp-proto"));
  return new OTLPTraceExporter();
}

function samplerOf({ sampler, ratio }: TracingSettings): Sampler {
  const root = samplerNamed(sampler.replace("parentbased_", ""), ratio);
  return sampler.startsWith("parentbased_") ? new ParentBasedSampler({ root }) : root;
}

function samplerNamed(name: string, ratio: number): Sampler {
  if (name === "always_off") return new AlwaysOffSampler();
  return name === "traceidratio" ? new TraceIdRatioBasedSampler(ratio) : new AlwaysOnSampler();
}

/** The SDK takes undefined for a value. */
function defined<T extends object>(values: T): { [Key in keyof T]?: NonNullable<T[Key]> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is undefined is left out
  return Object.fromEntries(entries) as { [Key in keyof T]?: NonNullable<T[Key]> };
}
