// GET /backup/{group}: a group as one file, sent as it is made.
import type { IncomingMessage } from "node:http";
import { Hono } from "hono";
import { HoldfastError } from "../../core/errors.ts";
import { requireAccess } from "../../runs/access.ts";
import { streamBackup } from "../../transfer/stream-backup.ts";
import { originOf, type CallerEnv } from "../env.ts";
import type { TransferRouteDeps } from "./deps.ts";
import { cutOff, presenceOf } from "./departure.ts";
import { attachment, fileBody } from "./file-answer.ts";
import { groupAt, groupPath, readEncryption, readQuery } from "./request.ts";
import { requireCaller } from "./require-caller.ts";

export function backupRoutes(deps: TransferRouteDeps): Hono<CallerEnv> {
  const routes = new Hono<CallerEnv>();

  routes.get("/:group", requireCaller(deps.auth), async (c) => {
    const group = groupAt(deps.catalog, c.req.param("group"));
    const { incoming, outgoing } = c.env;
    const encryption = readEncryption(incoming, readQuery(c, ["recipient"])("recipient"));
    const entities = group.entities.map(({ name }) => name);
    requireAccess(deps.catalog, c.var.caller, entities, "READ");
    const headers = {
      "Content-Type": "application/octet-stream",
      "Content-Disposition": attachment(`${groupPath(group)}.db`),
      "Cache-Control": "no-store",
    };
    if (c.req.method === "HEAD") return c.body(null, 200, headers);
    requireChunks(incoming);

    const place = deps.places.take();
    try {
      const check = async (): Promise<void> =>
        requireAccess(deps.catalog, await c.var.callerNow(), entities, "READ");
      const presence = presenceOf(outgoing, { check, everyMs: deps.recheckRightsMs });
      const stream = await streamBackup(deps, c.var.caller, { group, encryption }, presence, originOf(c));
      cutOff(outgoing, presence);
      void stream.ended.finally(() => place[Symbol.dispose]());
      // What it fails with is logged by whoever makes it.
      const body = fileBody(outgoing, stream.bytes, { stallMs: deps.stallMs, onFailure: () => undefined });
      return c.body(body, 200, headers);
    } catch (error) {
      place[Symbol.dispose]();
      throw error;
    }
  });

  return routes;
}

/**
 * An answer of unknown length has an end of its own in HTTP/1.1 alone. Before, it ends with its connection, and a client
 * could not tell a backup that was cut short from a whole one.
 * @throws HoldfastError HTTP_VERSION_TOO_OLD
 */
function requireChunks({ httpVersion }: IncomingMessage): void {
  if (httpVersion === "1.0")
    throw new HoldfastError("HTTP_VERSION_TOO_OLD", "A backup as it is made cannot be sent over HTTP/1.0.");
}
