// Small sayings on a run that lists and pages share.
import type { BackupRun, RestoreRun } from "../graphql/fragments.ts";
import type { Entity } from "../graphql/tada.ts";
import { useEntityLabel } from "./catalog.ts";
import { formatDuration } from "./format.ts";
import { useNow } from "./moment.tsx";
import { isOver } from "./status-tag.tsx";

/** How long a run took, or has been at it. */
export function Duration({ run }: { readonly run: BackupRun | RestoreRun }) {
  const now = useNow();
  if (run.durationMs !== null) return <>{formatDuration(run.durationMs)}</>;
  if (run.startedAt === null || isOver(run.status)) return <>–</>;
  return <>{formatDuration(Math.max(0, now.getTime() - Date.parse(run.startedAt)))} so far</>;
}

/** "Users, Roles and 3 more". */
export function EntityNames({
  names,
  most = 3,
}: {
  readonly names: readonly Entity[];
  readonly most?: number;
}) {
  const labelOf = useEntityLabel();
  const labels = names.map(labelOf);
  const shown = labels.length <= most + 1 ? labels : labels.slice(0, most);
  const rest = labels.length - shown.length;
  return (
    <span title={labels.join(", ")}>
      {shown.join(", ")}
      {rest > 0 && <span className="muted"> and {rest} more</span>}
    </span>
  );
}
