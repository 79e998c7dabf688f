// A store whose use is told in traces: a span for each object that is put, read or deleted as a part of something.
import { SpanKind, trace } from "@opentelemetry/api";
import { inSpan, iterateInSpan, type SpanOptions } from "../telemetry/spans.ts";
import type { Store } from "./store.ts";

/** @param name as the configuration has it */
export function tracedStore(name: string, store: Store): Store {
  const options = (key: string, more: Record<string, number> = {}): SpanOptions => ({
    kind: SpanKind.CLIENT,
    attributes: {
      ...{ "holdfast.store.name": name, "holdfast.store.kind": store.kind, "holdfast.object.key": key },
      ...more,
    },
    onlyWithin: true,
  });
  return {
    kind: store.kind,
    place: store.place,
    put: (key, body, given) => {
      const sizeBytes = body instanceof Uint8Array ? body.length : given?.sizeBytes;
      const size = sizeBytes === undefined ? {} : { "holdfast.size_bytes": sizeBytes };
      return inSpan(`put ${name}`, options(key, size), () => store.put(key, body, given));
    },
    get: (key, given) => {
      const bytes = store.get(key, given);
      return trace.getActiveSpan() === undefined ? bytes : iterateInSpan(`get ${name}`, options(key), bytes);
    },
    delete: (key, given) => inSpan(`delete ${name}`, options(key), () => store.delete(key, given)),
    list: (prefix, given) => store.list(prefix, given),
    stat: (key, given) => store.stat(key, given),
    deleteUnfinished: (segment, given) => store.deleteUnfinished(segment, given),
    close: () => store.close(),
  };
}
