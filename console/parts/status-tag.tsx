// A run's status as a word with a colour and a shape: never the colour alone.
import type { RunStatus } from "../graphql/tada.ts";

const SHOWN: Readonly<Record<RunStatus, { word: string; tone: string; mark: string }>> = {
  QUEUED: { word: "Queued", tone: "", mark: "○" },
  RUNNING: { word: "Running", tone: "busy", mark: "◐" },
  SUCCEEDED: { word: "Succeeded", tone: "good", mark: "✓" },
  FAILED: { word: "Failed", tone: "bad", mark: "✕" },
  CANCELLED: { word: "Cancelled", tone: "warn", mark: "–" },
};

export function statusWord(status: RunStatus): string {
  return SHOWN[status].word;
}

export function StatusTag({ status }: { readonly status: RunStatus }) {
  const { word, tone, mark } = SHOWN[status];
  return (
    <span className={`tag ${tone}`}>
      <span aria-hidden="true">{mark}</span>
      {word}
    </span>
  );
}

export function isOver(status: RunStatus): boolean {
  return status !== "QUEUED" && status !== "RUNNING";
}
