// The queue: Redis, or BullMQ's tables in Holdfast's own database.
import { Redis } from "ioredis";
import { HoldfastError } from "../core/errors.ts";
import { fault, ok, warning, type Finding } from "./finding.ts";
import { isAtLeast } from "./words.ts";

const AREA = "queue";
/** BullMQ does not run below the first, and warns below the second. */
const LEAST = "5.0";
const RECOMMENDED = "6.2";

/** @throws HoldfastError QUEUE_UNREACHABLE */
export async function checkRedis(url: string, signal: AbortSignal): Promise<Finding[]> {
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null });
  let reason: unknown;
  redis.on("error", (error) => (reason = error));
  const giveUp = (): void => redis.disconnect();
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    await redis.connect();
    return judgeRedis(await redis.info());
  } catch (error) {
    signal.throwIfAborted();
    const cause = reason ?? error;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new HoldfastError("QUEUE_UNREACHABLE", `Redis cannot be reached: ${message}`, { cause });
  } finally {
    signal.removeEventListener("abort", giveUp);
    redis.disconnect();
  }
}

/** @param text what Redis answers to INFO */
export function judgeRedis(text: string): Finding[] {
  const info = readInfo(text);
  const version = info.get("redis_version") ?? "0";
  const policy = info.get("maxmemory_policy") ?? "unknown";
  const findings = [
    isAtLeast(version, RECOMMENDED)
      ? ok(AREA, `Redis ${version}`)
      : isAtLeast(version, LEAST)
        ? warning(AREA, `Redis ${version} is older than ${RECOMMENDED}, which BullMQ recommends`)
        : fault(AREA, `Redis ${version} is older than ${LEAST}, which BullMQ needs`),
  ];
  if (policy !== "noeviction")
    findings.push(
      fault(
        AREA,
        `Redis' maxmemory-policy is ${policy}: it may drop jobs when its memory is full`,
        "redis-cli config set maxmemory-policy noeviction",
      ),
    );
  if (info.get("aof_enabled") !== "1")
    findings.push(
      warning(
        AREA,
        "Redis keeps no append-only file: what waits is queued anew after a crash of its, and not at once",
        "redis-cli config set appendonly yes",
      ),
    );
  return findings;
}

/** `name:value`, a line each. */
function readInfo(text: string): Map<string, string> {
  const lines = text.split("\r\n").map((line) => line.split(":"));
  return new Map(
    lines.flatMap(([name, value]) => (name === undefined || value === undefined ? [] : [[name, value]])),
  );
}
