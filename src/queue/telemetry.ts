// What the queue tells in traces, over BullMQ's own connection to OpenTelemetry: a job being added, and a job being worked on within
// the trace of who has added it. The rest of what BullMQ would tell is left out: what idle workers do every few seconds, the
// messages of errors (which may hold secrets), and the options of jobs.
import { SpanKind, type Span, type Telemetry } from "bullmq";
import type { Context } from "@opentelemetry/api";
import { BullMQOtel } from "bullmq-otel";

const TOLD = new Set([
  "bullmq.queue.name",
  "bullmq.queue.operation",
  "bullmq.job.name",
  "bullmq.job.id",
  "bullmq.job.attempts.made",
]);

export function queueTelemetry(): Telemetry<Context> {
  const { tracer, contextManager } = new BullMQOtel({ tracerName: "holdfast" });
  return {
    contextManager,
    tracer: {
      startSpan(name, options, parent) {
        const kind = options?.kind;
        if (kind !== SpanKind.PRODUCER && kind !== SpanKind.CONSUMER) return SILENT;
        return discreet(tracer.startSpan(name, options, parent));
      },
    },
  };
}

const SILENT: Span<Context> = {
  setSpanOnContext: (context) => context,
  setAttribute: () => undefined,
  setAttributes: () => undefined,
  addEvent: () => undefined,
  recordException: () => undefined,
  end: () => undefined,
};

function discreet(span: Span<Context>): Span<Context> {
  return {
    ...SILENT,
    setSpanOnContext: (context) => span.setSpanOnContext(context),
    setAttribute(key, value) {
      if (TOLD.has(key)) span.setAttribute(key, value);
    },
    setAttributes(attributes) {
      for (const [key, value] of Object.entries(attributes))
        if (TOLD.has(key) && value !== undefined) span.setAttribute(key, value);
    },
    end: () => span.end(),
  };
}
