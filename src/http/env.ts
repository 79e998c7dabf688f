// What the routes know of a request besides itself.
import type { HttpBindings } from "@hono/node-server";
import { getConnInfo } from "@hono/node-server/conninfo";
import type { Context } from "hono";
import type { Caller } from "../auth/caller.ts";
import type { Origin } from "../auth/context.ts";

export interface Env {
  Bindings: HttpBindings;
}

/** Behind `requireCaller`. */
export interface CallerEnv extends Env {
  Variables: { caller: Caller };
}

/** The peer itself: a header that names another is anybody's claim. */
export function originOf<E extends Env>(c: Context<E>): Origin {
  return { address: getConnInfo(c).remote.address };
}
