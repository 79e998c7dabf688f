// Lists what people were told, sends it again, and tries the ways on which they are told.
import { setTimeout as delay } from "node:timers/promises";
import { HoldfastError } from "../../core/errors.ts";
import { collectPages, openApi, type Api } from "../client/api.ts";
import {
  DELIVERIES,
  DELIVERY,
  NOTIFY_TARGETS,
  REDELIVER,
  SEND_TEST_NOTICE,
  type ListedDelivery,
} from "../client/notices.ts";
import { printResult } from "../report.ts";
import type { ApiOptions } from "../server-options.ts";
import { formatTime } from "../terminal/format.ts";
import { renderTable } from "../terminal/table.ts";

export interface ListNoticesOptions extends ApiOptions {
  readonly limit: number;
  readonly status?: string;
  readonly event?: string;
  /** The way's name. */
  readonly to?: string;
}

/** How long an attempt is waited for: it has ended by then, or its worker has much to do. */
const PATIENCE_MS = 30_000;
const STEP_MS = 250;

export async function listNotices(options: ListNoticesOptions, signal: AbortSignal): Promise<void> {
  const { limit, status, event, to } = options;
  await using api = await openApi(options, signal);
  const filter = { ...(status && { status }), ...(event && { event }), ...(to && { target: to }) };
  const deliveries = await collectPages(
    limit,
    async (page) => (await api.execute(DELIVERIES, { ...page, filter })).deliveries,
  );
  printResult(options, deliveries, () =>
    renderTable(
      [
        ...["id", "at", "event", "to", "status"].map((title) => ({ title })),
        { title: "attempts", align: "right" },
        { title: "what" },
      ],
      deliveries.map((one) => [
        one.id,
        formatTime(one.createdAt),
        one.event,
        one.target,
        one.status,
        String(one.attempts),
        one.error === null ? one.title : `${one.title} (${one.error})`,
      ]),
    ),
  );
}

export async function listTargets(options: ApiOptions, signal: AbortSignal): Promise<void> {
  await using api = await openApi(options, signal);
  const { notifyTargets } = await api.execute(NOTIFY_TARGETS, {});
  printResult(options, notifyTargets, () =>
    renderTable(
      ["name", "kind", "on"].map((title) => ({ title })),
      notifyTargets.map(({ name, kind, on }) => [name, kind, on.join(" ")]),
    ),
  );
}

/** Waits for the attempt. @throws HoldfastError NOT_DELIVERED saying why it was not taken */
export async function redeliver(id: string, options: ApiOptions, signal: AbortSignal): Promise<void> {
  await using api = await openApi(options, signal);
  const { delivery: before } = await api.execute(DELIVERY, { id });
  const { redeliver: renewed } = await api.execute(REDELIVER, { id });
  const delivery = await attempted(api, renewed, before?.attempts ?? 0, signal);
  printResult(options, delivery, () => describe(delivery));
  requireTaken(delivery);
}

/**
 * Tries the ways with these names; without any, all of them.
 * @throws HoldfastError NOT_DELIVERED, after all were tried and their results printed, where any was not taken
 */
export async function testNotices(
  names: readonly string[],
  options: ApiOptions,
  signal: AbortSignal,
): Promise<void> {
  await using api = await openApi(options, signal);
  const targets =
    names.length > 0 ? names : (await api.execute(NOTIFY_TARGETS, {})).notifyTargets.map(({ name }) => name);
  const deliveries = await Promise.all(
    targets.map(async (target) => {
      const { sendTestNotice } = await api.execute(SEND_TEST_NOTICE, { target });
      return attempted(api, sendTestNotice, 0, signal);
    }),
  );
  printResult(options, deliveries, () =>
    deliveries.length === 0
      ? "Nobody is told of anything: `notify` in the configuration file says who is."
      : deliveries.map(describe).join("\n"),
  );
  for (const delivery of deliveries) requireTaken(delivery);
}

/** The delivery after its next attempt; or as it is, if that takes too long. */
async function attempted(
  api: Api,
  delivery: ListedDelivery,
  attemptsBefore: number,
  signal: AbortSignal,
): Promise<ListedDelivery> {
  const deadline = performance.now() + PATIENCE_MS;
  let last = delivery;
  while (last.attempts <= attemptsBefore && last.status === "PENDING" && performance.now() < deadline) {
    await delay(STEP_MS, undefined, { signal });
    last = (await api.execute(DELIVERY, { id: delivery.id })).delivery ?? last;
  }
  return last;
}

function describe({ target, status, attempts, error }: ListedDelivery): string {
  if (status === "DELIVERED") return `${target}: taken.`;
  if (error !== null) return `${target}: ${error}`;
  return attempts === 0 ? `${target}: not sent yet; no worker has come to it.` : `${target}: ${status}.`;
}

function requireTaken({ target, status, error, id }: ListedDelivery): void {
  if (status === "DELIVERED") return;
  throw new HoldfastError(
    "NOT_DELIVERED",
    `${target} has not taken it${error === null ? "" : `: ${error}`}`,
    {
      hint:
        status === "PENDING"
          ? `It is tried again for some twenty minutes: holdfast notices list --to ${target}.`
          : `Once it is mended: holdfast notices redeliver ${id}.`,
    },
  );
}
