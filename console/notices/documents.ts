// What is asked and done about notices.
import { graphql, type ResultOf } from "../graphql/tada.ts";

const deliveryFields = graphql(`
  fragment DeliveryFields on Delivery {
    id
    event
    target
    title
    text
    runId
    scheduleId
    status
    attempts
    error
    createdAt
    finishedAt
  }
`);
export type Delivery = ResultOf<typeof deliveryFields>;

export const NOTIFY_TARGETS = graphql(`
  query NotifyTargets {
    notifyTargets {
      name
      kind
      on
    }
  }
`);
export type NotifyTarget = ResultOf<typeof NOTIFY_TARGETS>["notifyTargets"][number];

export const DELIVERIES = graphql(
  `
    query Deliveries($first: Int!, $after: String, $filter: DeliveryFilter) {
      deliveries(first: $first, after: $after, filter: $filter) {
        totalCount
        pageInfo {
          hasNextPage
          endCursor
        }
        edges {
          node {
            ...DeliveryFields
          }
        }
      }
    }
  `,
  [deliveryFields],
);

export const REDELIVER = graphql(
  `
    mutation Redeliver($id: ID!) {
      redeliver(id: $id) {
        ...DeliveryFields
      }
    }
  `,
  [deliveryFields],
);

export const SEND_TEST_NOTICE = graphql(
  `
    mutation SendTestNotice($target: String!) {
      sendTestNotice(target: $target) {
        ...DeliveryFields
      }
    }
  `,
  [deliveryFields],
);
