// The GraphQL documents behind `notices`. A test checks every one of them against the schema.
import { z } from "zod";
import { page, type Page, type PageVariables } from "./listings.ts";
import type { Operation } from "./operations.ts";

const delivery = z.object({
  id: z.string(),
  event: z.string(),
  target: z.string(),
  title: z.string(),
  text: z.string(),
  runId: z.string().nullable(),
  status: z.string(),
  attempts: z.int(),
  error: z.string().nullable(),
  createdAt: z.string(),
  finishedAt: z.string().nullable(),
});
export type ListedDelivery = z.infer<typeof delivery>;
const DELIVERY_FIELDS = "id event target title text runId status attempts error createdAt finishedAt";

const target = z.object({ name: z.string(), kind: z.string(), on: z.array(z.string()) });

interface ById {
  readonly id: string;
}

interface DeliveryFilter {
  readonly status?: string;
  readonly event?: string;
  readonly target?: string;
}

export const DELIVERIES: Operation<
  PageVariables & { readonly filter: DeliveryFilter },
  { deliveries: Page<ListedDelivery> }
> = {
  result: z.object({ deliveries: page(delivery) }),
  document: `query ($first: Int, $after: String, $filter: DeliveryFilter) {
  deliveries(first: $first, after: $after, filter: $filter) {
    edges { node { ${DELIVERY_FIELDS} } }
    pageInfo { hasNextPage endCursor }
  }
}`,
};

export const DELIVERY: Operation<ById, { delivery: ListedDelivery | null }> = {
  result: z.object({ delivery: delivery.nullable() }),
  document: `query ($id: ID!) { delivery(id: $id) { ${DELIVERY_FIELDS} } }`,
};

export const NOTIFY_TARGETS: Operation<Record<string, never>, { notifyTargets: z.infer<typeof target>[] }> = {
  result: z.object({ notifyTargets: z.array(target) }),
  document: `query { notifyTargets { name kind on } }`,
};

export const REDELIVER: Operation<ById, { redeliver: ListedDelivery }> = {
  result: z.object({ redeliver: delivery }),
  document: `mutation ($id: ID!) { redeliver(id: $id) { ${DELIVERY_FIELDS} } }`,
};

export const SEND_TEST_NOTICE: Operation<{ readonly target: string }, { sendTestNotice: ListedDelivery }> = {
  result: z.object({ sendTestNotice: delivery }),
  document: `mutation ($target: String!) { sendTestNotice(target: $target) { ${DELIVERY_FIELDS} } }`,
};
