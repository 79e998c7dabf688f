// What every request has: an id, which its answer, its log lines and the runs that it starts have too; and a line in the log.
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "pino";
import { takeRightOfWay } from "../core/right-of-way.ts";
import { withLogContext } from "../telemetry/log-context.ts";
import { noteFailed, startRequestSpan } from "../telemetry/spans.ts";
import { afterClose } from "./rest/departure.ts";

export const REQUEST_ID_HEADER = "X-Request-Id";

/** What may stand in a header and in a log: others' ids look like UUIDs, ULIDs, or parts joined by dots, dashes and colons. */
const SANE = /^[\w.:@/+=-]{1,128}$/;
/** Asked for every few seconds, by programs. */
const FREQUENT = /^\/(?:healthz|readyz|metrics)(?:\?|$)/;

const ids = new WeakMap<IncomingMessage, string>();

/** As the client has it in `X-Request-Id`, if that is sane; otherwise made here. The same whenever it is asked for. */
export function requestIdOf(request: IncomingMessage): string {
  const known = ids.get(request);
  if (known !== undefined) return known;
  const given = request.headers["x-request-id"];
  const id = typeof given === "string" && SANE.test(given) ? given : randomUUID();
  ids.set(request, id);
  return id;
}

/** Answers a request on its own behalf, and logs it when the answer has been sent or the client has gone. */
export function attend(
  request: IncomingMessage,
  response: ServerResponse,
  log: Logger,
  answer: () => void,
): void {
  const requestId = requestIdOf(request);
  const startedMs = performance.now();
  afterClose(response, takeRightOfWay());
  response.setHeader(REQUEST_ID_HEADER, requestId);
  const within = traceRequest(request, response, requestId);
  withLogContext({ requestId }, () => {
    afterClose(response, () => {
      withLogContext({ requestId }, () => {
        log[FREQUENT.test(request.url ?? "") ? "debug" : "info"](
          {
            method: request.method,
            // What stands behind the question mark may be anything.
            path: request.url?.split("?")[0],
            status: response.statusCode,
            durationMs: Math.round(performance.now() - startedMs),
            ...(!response.writableFinished && { cutShort: true }),
          },
          "request answered",
        );
      });
    });
    within(answer);
  });
}

/** What makes an act a part of the request's span, where the process traces; it ends with the answer. */
function traceRequest(
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
): (act: () => void) => void {
  const { method = "", url = "", headers } = request;
  if (FREQUENT.test(url)) return (act) => act();
  const path = url.split("?")[0] ?? "";
  const started = startRequestSpan(`${method} ${routeOf(path)}`, headers, {
    ...{ "http.request.method": method, "url.path": path, "holdfast.request.id": requestId },
  });
  if (started === undefined) return (act) => act();
  const { span, within } = started;
  afterClose(response, () => {
    const { statusCode } = response;
    span.setAttribute("http.response.status_code", statusCode);
    // What is nowhere has as many names as there are people who guess.
    if (statusCode === 404) span.updateName(method);
    if (statusCode >= 500) noteFailed(span, String(statusCode));
    span.end();
  });
  return within;
}

/** Ids are no part of a route's name. */
const routeOf = (path: string): string => path.replaceAll(/\/[0-9a-f-]{36}(?=\/|$)/gi, "/{id}");
