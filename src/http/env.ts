// What the routes know of a request besides itself.
import type { HttpBindings } from "@hono/node-server";
import { getConnInfo } from "@hono/node-server/conninfo";
import type { Context, MiddlewareHandler } from "hono";
import type { Caller } from "../auth/caller.ts";
import type { Origin } from "../auth/context.ts";
import type { ReadOrigin } from "./peer.ts";
import { requestIdOf } from "./request.ts";

interface Variables {
  origin: Origin;
}

export interface Env {
  Bindings: HttpBindings;
  Variables: Variables;
}

/** Behind `requireCaller`. */
export interface CallerEnv extends Env {
  Variables: Variables & {
    caller: Caller;
    /** Who the same token belongs to by now. @throws HoldfastError UNAUTHENTICATED */
    callerNow: () => Promise<Caller>;
  };
}

/** Stands before every route. */
export function knowOrigin(readOrigin: ReadOrigin): MiddlewareHandler<Env> {
  return async (c, next) => {
    const origin = readOrigin(getConnInfo(c).remote.address, c.req.header("x-forwarded-for"));
    c.set("origin", { ...origin, requestId: requestIdOf(c.env.incoming) });
    await next();
  };
}

export function originOf<E extends Env>(c: Context<E>): Origin {
  return c.get("origin");
}
