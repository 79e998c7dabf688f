// Errors of the REST endpoints: `{"success":false,"error":{"code","message","hint"}}`, with the code's own status.
import type { Context } from "hono";
import type { Logger } from "pino";
import { ERRORS } from "../../core/errors.ts";
import { errorHeaders, publicError, requestOfFault } from "../public-error.ts";

/** `error.details` holds particulars where there are any: the permissions that are missing, the id of an INTERNAL. */
export function answerError(c: Context, error: unknown, log: Logger): Response {
  const known = publicError(error, log);
  const { code, message, hint, details } = known;
  const body = {
    success: false,
    error: { code, message, hint, ...(details && { details }), ...requestOfFault(known) },
  };
  return c.json(body, ERRORS[code].status, errorHeaders(known));
}
