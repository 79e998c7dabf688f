// Spans: how long what took, and what it was part of. Nothing happens, and nothing is allocated, unless the process traces.
import {
  context,
  createContextKey,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
} from "@opentelemetry/api";
import { HoldfastError } from "../core/errors.ts";

const tracer = trace.getTracer("holdfast");
let tracing = false;

/** Whether spans are recorded. */
export function isTracing(): boolean {
  return tracing;
}

/** For whoever has set up where spans go. */
export function setTracing(on: boolean): void {
  tracing = on;
}

export interface SpanOptions {
  readonly attributes?: Attributes;
  /** Left out: INTERNAL, which is work of the process's own. */
  readonly kind?: SpanKind;
  /** Only as a part of something: without, it is done and not told. */
  readonly onlyWithin?: boolean;
}

/**
 * Carries out the act as a span of what is being traced. What it throws is its failure: the code of an error of the catalogue
 * with its message, of any other the class alone, for its message may hold a secret.
 */
export async function inSpan<T>(
  name: string,
  { attributes, kind = SpanKind.INTERNAL, onlyWithin = false }: SpanOptions,
  act: (span: Span | undefined) => Promise<T>,
): Promise<T> {
  if (!tracing || (onlyWithin && trace.getActiveSpan() === undefined)) return act(undefined);
  return recorded(startSpan(name, kind, attributes), act);
}

/** As `inSpan`, for what is read bit by bit: until its end, or until nobody reads on. */
export async function* iterateInSpan<T>(
  name: string,
  { attributes, kind = SpanKind.INTERNAL }: SpanOptions,
  items: AsyncIterable<T>,
): AsyncGenerator<T> {
  const span = startSpan(name, kind, attributes);
  try {
    yield* items;
  } catch (error) {
    noteFailure(span, error);
    throw error;
  } finally {
    span.end();
  }
}

interface Phases {
  readonly run: Span;
  phase: { readonly name: string; readonly span: Span } | undefined;
}

const PHASES = createContextKey("holdfast phases");

/**
 * A run, whose work is in phases: each is a span within it, and what is done meanwhile is within the phase.
 * @param act given what enters a phase; entering the one that is present does nothing
 */
export async function inRunSpan<T>(
  name: string,
  { attributes }: SpanOptions,
  act: (span: Span | undefined, enterPhase: (phase: string) => void) => Promise<T>,
): Promise<T> {
  if (!tracing) return act(undefined, () => undefined);
  const run = startSpan(name, SpanKind.INTERNAL, attributes);
  const phases: Phases = { run, phase: undefined };
  const enterPhase = (phase: string): void => {
    if (phase === phases.phase?.name) return;
    phases.phase?.span.end();
    const within = trace.setSpan(context.active(), run);
    const isLast = phase === "done";
    phases.phase = isLast ? undefined : { name: phase, span: tracer.startSpan(phase, {}, within) };
  };
  const withinRun = (): Promise<T> =>
    recorded(
      run,
      (span) => act(span, enterPhase),
      () => phases.phase?.span.end(),
    );
  return context.with(context.active().setValue(PHASES, phases), withinRun);
}

/** Within what is active; within the run's phase, where that is the run itself. */
function startSpan(name: string, kind: SpanKind, attributes: Attributes = {}): Span {
  const active = context.active();
  return tracer.startSpan(name, { kind, attributes }, withinPhase(active));
}

function withinPhase(active: Context): Context {
  const phases = active.getValue(PHASES);
  if (!isPhases(phases) || phases.phase === undefined || trace.getSpan(active) !== phases.run) return active;
  return trace.setSpan(active, phases.phase.span);
}

function isPhases(value: unknown): value is Phases {
  return typeof value === "object" && value !== null && "run" in value;
}

async function recorded<T>(
  span: Span,
  act: (span: Span) => Promise<T>,
  beforeEnd: () => void = () => undefined,
): Promise<T> {
  try {
    return await context.with(trace.setSpan(context.active(), span), () => act(span));
  } catch (error) {
    noteFailure(span, error);
    throw error;
  } finally {
    beforeEnd();
    span.end();
  }
}

/** Only what the catalogue words is repeated. */
function noteFailure(span: Span, error: unknown): void {
  if (error instanceof HoldfastError) noteFailed(span, error.code, error.message);
  else noteFailed(span, error instanceof Error ? error.name : typeof error);
}

export function noteFailed(span: Span, type: string, message?: string): void {
  span.setAttribute("error.type", type);
  span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) });
}

/**
 * Starts the span of a request that came in, within the trace that its headers name, if they do.
 * @returns undefined unless the process traces; whoever gets one ends it
 */
export function startRequestSpan(
  name: string,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  attributes: Attributes,
): { readonly span: Span; readonly within: <T>(act: () => T) => T } | undefined {
  if (!tracing) return undefined;
  const from = propagation.extract(context.active(), headers);
  const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, from);
  return { span, within: (act) => context.with(trace.setSpan(from, span), act) };
}
