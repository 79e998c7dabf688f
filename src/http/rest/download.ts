// GET /backups/{id}/download: a stored backup as one file, of which a client may ask for what it does not have yet.
import { Hono, type Context } from "hono";
import { isHoldfastError } from "../../core/errors.ts";
import { requireVisible } from "../../runs/visible.ts";
import { openDownload, recordDownload } from "../../transfer/open-download.ts";
import { originOf, type CallerEnv } from "../env.ts";
import { parseRange } from "./byte-range.ts";
import type { TransferRouteDeps } from "./deps.ts";
import { afterClose, cutOff, presenceOf } from "./departure.ts";
import { attachment, fileBody } from "./file-answer.ts";
import { readQuery } from "./request.ts";
import { requireCaller, requireCallerOfForm } from "./require-caller.ts";

export function downloadRoutes(deps: TransferRouteDeps): Hono<CallerEnv> {
  const routes = new Hono<CallerEnv>();

  const answer = async (c: Context<CallerEnv, "/:id/download">): Promise<Response> => {
    readQuery(c, []);
    const id = c.req.param("id");
    const { outgoing } = c.env;
    const check = async () => requireVisible(deps, await c.var.callerNow(), "BACKUP", id);
    const presence = presenceOf(outgoing, { check, everyMs: deps.recheckRightsMs });
    const download = await openDownload(deps, c.var.caller, id, presence);
    afterClose(outgoing, () => void download[Symbol.asyncDispose]());
    const { file, label } = download;
    const etag = `"${file.indexSha256}"`;
    // A part of what the client has not the beginning of is of no use to it. HEAD asks of the whole.
    const whole = c.req.method === "HEAD" || ![undefined, etag].includes(c.req.header("if-range"));
    const range = whole ? undefined : parseRange(c.req.header("range"), file.sizeBytes);
    const { start, end } = range ?? { start: 0, end: file.sizeBytes };
    const headers = {
      "Content-Type": "application/octet-stream",
      "Content-Length": String(end - start),
      "Content-Disposition": attachment(`${label ?? id}.holdfast.tar`),
      "Accept-Ranges": "bytes",
      "Cache-Control": "no-store",
      ETag: etag,
      ...(range && { "Content-Range": `bytes ${start}-${end - 1}/${file.sizeBytes}` }),
    };
    const status = range === undefined ? 200 : 206;
    if (c.req.method === "HEAD") return c.body(null, status, headers);

    const place = deps.places.take();
    afterClose(outgoing, () => place[Symbol.dispose]());
    await recordDownload(deps, c.var.caller, id, { start, end }, originOf(c));
    cutOff(outgoing, presence);
    const body = fileBody(outgoing, file.read({ start, end }, presence), {
      stallMs: deps.stallMs,
      onFailure(error) {
        if (isHoldfastError(presence.reason, "CANCELLED")) return;
        deps.log.warn({ err: error, backup: id }, "a download ended before it was whole");
      },
    });
    return c.body(body, status, headers);
  };
  routes.get("/:id/download", requireCaller(deps.auth), answer);
  // The console's: a browser then writes it to the disk itself, however large it is.
  routes.post("/:id/download", requireCallerOfForm(deps.auth), answer);

  return routes;
}
