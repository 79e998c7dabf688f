// Reads the JSON body of a REST request, within bounds and of a known shape.
import type { Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { z } from "zod";
import { HoldfastError } from "../../core/errors.ts";

const LIMIT_BYTES = 64 * 1024;

/** Stands before every route that reads JSON; uploads have bounds of their own. */
export const limitJson = bodyLimit({
  maxSize: LIMIT_BYTES,
  onError: () => {
    throw new HoldfastError("TOO_LARGE", `The body is larger than ${LIMIT_BYTES / 1024} KiB.`);
  },
});

/** @throws HoldfastError NOT_JSON (which keeps other sites' forms out, too), BAD_INPUT naming the field */
export async function readJson<T>(c: Context, schema: z.ZodType<T>): Promise<T> {
  if (!/^application\/json\b/i.test(c.req.header("content-type") ?? "")) {
    throw new HoldfastError("NOT_JSON", "The body is not declared as JSON.");
  }
  const body: unknown = await c.req.json().catch((cause: unknown) => {
    throw new HoldfastError("BAD_INPUT", "The body is not JSON.", { cause });
  });
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw new HoldfastError("BAD_INPUT", z.prettifyError(result.error));
}
