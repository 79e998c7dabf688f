// The Range header (RFC 9110, section 14): one range of bytes, which is all that programs ask for who go on with a download.
import { HoldfastError } from "../../core/errors.ts";
import type { ByteRange } from "../../engine/single-file.ts";

/**
 * @param header undefined: the request has none
 * @returns undefined where the whole file is to be sent: also for several ranges and for what is no range, as the RFC allows
 * @throws HoldfastError RANGE_NOT_SATISFIABLE with `details.sizeBytes`, for a range that begins past the end
 */
export function parseRange(header: string | undefined, sizeBytes: number): ByteRange | undefined {
  const [, first = "", last = ""] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  if (first === "") {
    const start = Math.max(0, sizeBytes - Number(last));
    return satisfiable({ start, end: sizeBytes }, sizeBytes);
  }
  if (last !== "" && Number(last) < Number(first)) return undefined;
  const end = last === "" ? sizeBytes : Math.min(sizeBytes, Number(last) + 1);
  return satisfiable({ start: Number(first), end }, sizeBytes);
}

function satisfiable(range: ByteRange, sizeBytes: number): ByteRange {
  if (range.start < range.end) return range;
  throw new HoldfastError("RANGE_NOT_SATISFIABLE", `The file has ${sizeBytes} bytes.`, {
    details: { sizeBytes },
  });
}
