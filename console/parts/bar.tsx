// A bar that fills up.
import type { ReactNode } from "react";
import { ProgressBar } from "react-aria-components";
import styles from "./bar.module.css";

export interface BarProps {
  /** What it is the progress of. */
  readonly label: string;
  readonly percent: number;
  readonly valueLabel: string;
  /** One of many: thin, and of another colour when it is full. */
  readonly look?: "thin" | "thin done";
  /** Above the bar. */
  readonly children?: ReactNode;
}

export function Bar({ label, percent, valueLabel, look, children }: BarProps) {
  const classes = ["progress", ...(look?.split(" ") ?? [])].map((name) => styles[name]);
  return (
    <ProgressBar aria-label={label} value={percent} valueLabel={valueLabel} className={classes.join(" ")}>
      {children}
      <div className={styles["track"]}>
        <div className={styles["bar"]} style={{ inlineSize: `${percent}%` }} />
      </div>
    </ProgressBar>
  );
}
