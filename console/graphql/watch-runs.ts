// The one subscription of a signed-in page: every run that its user may read, as it changes. One stream serves whatever
// is on the screen, for a browser gives an origin six connections over all of its tabs; a tab that nobody looks at has none.
import type { Client } from "urql";
import { pipe, onEnd, subscribe } from "wonka";
import type { Link } from "./link.ts";
import { backupFields, restoreFields, tablesOfProgressFields, verificationFields } from "./fragments.ts";
import { graphql } from "./tada.ts";

const RUNS = graphql(
  `
    subscription Runs {
      runs {
        __typename
        id
        status
        progress {
          ...TablesOfProgressFields
        }
        ... on Backup {
          ...BackupFields
        }
        ... on Restore {
          ...RestoreFields
        }
        ... on Verification {
          ...VerificationFields
        }
      }
    }
  `,
  [backupFields, restoreFields, verificationFields, tablesOfProgressFields],
);

/** What a run that begins or ends may change besides itself. */
const AFFECTED = ["backup", "backups", "restore", "restores", "schedules"];
const HIDDEN_GRACE_MS = 60_000;
const RESTART_MS = 1_000;
const LONGEST_RESTART_MS = 30_000;

export interface Watching {
  stop(): void;
}

/** Begins at once. What comes is written into the client's cache; lists are asked for again when they have to be. */
export function watchRuns(
  client: Client,
  { link, refresh }: { readonly link: Link; readonly refresh: (fields?: readonly string[]) => void },
): Watching {
  const statuses = new Map<string, string>();
  let running: { unsubscribe(): void } | undefined;
  let restarts = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const start = (): void => {
    clearTimeout(timer);
    if (running !== undefined) return;
    const events = pipe(
      client.subscription(RUNS, {}),
      onEnd(() => {
        // The server has ended it (while it shuts down, say): the stream is to stand as long as the page does.
        running = undefined;
        link.set("reconnecting");
        timer = setTimeout(start, Math.min(LONGEST_RESTART_MS, RESTART_MS * 2 ** restarts));
        restarts += 1;
      }),
      subscribe(({ data }) => {
        const run = data?.runs;
        if (run === undefined) return;
        restarts = 0;
        if (statuses.get(run.id) === run.status) return;
        statuses.set(run.id, run.status);
        refresh(AFFECTED);
      }),
    );
    running = events;
  };
  const pause = (): void => {
    clearTimeout(timer);
    const stopped = running;
    running = undefined;
    stopped?.unsubscribe();
  };
  const onVisibility = (): void => {
    clearTimeout(timer);
    if (document.visibilityState === "hidden") {
      timer = setTimeout(pause, HIDDEN_GRACE_MS);
    } else if (running === undefined) {
      // What happened meanwhile is asked for once the stream stands.
      link.set("reconnecting");
      start();
    }
  };
  document.addEventListener("visibilitychange", onVisibility);
  start();

  return {
    stop() {
      document.removeEventListener("visibilitychange", onVisibility);
      pause();
    },
  };
}
