// Many subscribers of one run in a process of their own, half of them over server-sent events and half over WebSockets.
// Each keeps what it has received and when; what that means is found out once the run has ended, and not before.
import { createParser } from "eventsource-parser";
import http from "node:http";
import { WebSocket } from "ws";

export interface SubscribersOrder {
  readonly url: string;
  readonly authorization: string;
  readonly runId: string;
  readonly count: number;
}

/** Follows when the run has ended: when each change of the run was written, by the clock that stands in the changes too. */
export interface Changes {
  readonly writtenMs: readonly number[];
}

export interface SubscribersReport {
  /** Those that saw a final state and then the end. */
  readonly ended: number;
  /** The final states that they saw. */
  readonly finalStates: readonly string[];
  /** Those that saw a percentage fall. */
  readonly fallen: number;
  readonly errors: readonly string[];
  readonly events: number;
  /** From a change's being written until a subscriber had it, or a later one in its place; over all changes and subscribers. */
  readonly latenciesMs: readonly number[];
}

/** Where the bench writes when the row was changed: see load.ts. */
const QUERY =
  "subscription ($id: ID!) { backupProgress(id: $id) { status progress { phase entity table rows bytes percent rowsPerSecond } } }";

interface Answer {
  readonly data?: {
    readonly backupProgress: {
      readonly status: string;
      readonly progress: { readonly percent: number; readonly rowsPerSecond: number | null };
    };
  };
}

interface Subscriber {
  /** `writtenMs` is null of a state that was there before the run was first changed. */
  readonly seen: { readonly writtenMs: number | null; readonly receivedMs: number }[];
  readonly ended: Promise<void>;
  present: boolean;
  percent: number;
  status: string;
  fallen: boolean;
}

const errors: string[] = [];

function createSubscriber(open: (listener: Listener) => void): Subscriber {
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const subscriber: Subscriber = {
    seen: [],
    ended,
    present: false,
    percent: -1,
    status: "",
    fallen: false,
  };
  open({
    answer(text) {
      const receivedMs = Date.now();
      const { data }: Answer = JSON.parse(text);
      if (data === undefined) {
        errors.push(text);
        return;
      }
      const { status, progress } = data.backupProgress;
      subscriber.present = true;
      if (progress.percent < subscriber.percent) subscriber.fallen = true;
      subscriber.percent = progress.percent;
      subscriber.status = status;
      subscriber.seen.push({ writtenMs: progress.rowsPerSecond, receivedMs });
    },
    end: resolve,
  });
  return subscriber;
}

interface Listener {
  /** GraphQL's answer, as text. */
  readonly answer: (text: string) => void;
  readonly end: () => void;
}

function subscribeByEvents({ url, authorization, runId }: SubscribersOrder, listener: Listener): void {
  const request = http.request(`${url}/graphql`, {
    method: "POST",
    agent: false,
    headers: { "content-type": "application/json", accept: "text/event-stream", authorization },
  });
  request.on("response", (response) => {
    if (response.statusCode !== 200) errors.push(`status ${response.statusCode}`);
    const parser = createParser({
      onEvent: ({ event, data }) => {
        if (event === "next") listener.answer(data);
        if (event === "complete") listener.end();
      },
    });
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => parser.feed(chunk));
    response.on("close", listener.end);
  });
  request.on("error", (error) => {
    errors.push(error.message);
    listener.end();
  });
  request.end(JSON.stringify({ query: QUERY, variables: { id: runId } }));
}

function subscribeByWebSocket({ url, authorization, runId }: SubscribersOrder, listener: Listener): void {
  const socket = new WebSocket(`${url.replace("http", "ws")}/graphql`, "graphql-transport-ws", {
    perMessageDeflate: false,
  });
  const send = (message: object) => socket.send(JSON.stringify(message));
  socket.on("open", () => send({ type: "connection_init", payload: { authorization } }));
  socket.on("message", (bytes: Buffer) => {
    const message: { readonly type: string; readonly payload?: unknown } = JSON.parse(bytes.toString());
    if (message.type === "connection_ack")
      send({ id: "1", type: "subscribe", payload: { query: QUERY, variables: { id: runId } } });
    else if (message.type === "next") listener.answer(JSON.stringify(message.payload));
    else if (message.type === "error") errors.push(JSON.stringify(message.payload));
    if (message.type === "complete" || message.type === "error") socket.close();
  });
  socket.on("error", (error) => errors.push(error.message));
  socket.on("close", listener.end);
}

/** Each change is received with the first state that is not older than it; what was there at first is no change. */
function latenciesOf({ seen }: Subscriber, writtenMs: readonly number[]): number[] {
  const beganMs = seen[0]?.writtenMs ?? -Infinity;
  const states = seen.map((state) => ({ ...state, writtenMs: state.writtenMs ?? -Infinity }));
  const latencies: number[] = [];
  let at = 0;
  for (const written of writtenMs) {
    if (written <= beganMs) continue;
    while (at < states.length && (states[at]?.writtenMs ?? Infinity) < written) at += 1;
    latencies.push((states[at]?.receivedMs ?? Infinity) - written);
  }
  return latencies;
}

const FINAL = ["SUCCEEDED", "FAILED", "CANCELLED"];

let subscribers: Subscriber[] = [];

function begin(order: SubscribersOrder): void {
  errors.length = 0;
  subscribers = Array.from({ length: order.count }, (_, n) =>
    createSubscriber((listener) => (n % 2 === 0 ? subscribeByEvents : subscribeByWebSocket)(order, listener)),
  );
  const look = setInterval(() => {
    if (!subscribers.every(({ present }) => present) && errors.length === 0) return;
    clearInterval(look);
    process.send?.("subscribed");
    void Promise.all(subscribers.map(({ ended }) => ended)).then(() => process.send?.("ended"));
  }, 20);
}

function report({ writtenMs }: Changes): SubscribersReport {
  return {
    ended: subscribers.filter(({ status }) => FINAL.includes(status)).length,
    finalStates: [...new Set(subscribers.map(({ status }) => status))],
    fallen: subscribers.filter(({ fallen }) => fallen).length,
    errors: errors.slice(0, 5),
    events: subscribers.reduce((sum, { seen }) => sum + seen.length, 0),
    latenciesMs: subscribers.flatMap((subscriber) => latenciesOf(subscriber, writtenMs)),
  };
}

process.on("message", (message: SubscribersOrder | Changes) => {
  if ("runId" in message) begin(message);
  else process.send?.(report(message));
});
process.send?.("ready");
