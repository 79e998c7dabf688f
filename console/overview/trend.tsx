// A number over time as small bars, each of which says itself when it is pointed at; the whole is a sentence.
import { formatMoment } from "../parts/format.ts";
import styles from "./overview.module.css";

export interface TrendProps {
  readonly name: string;
  /** The oldest first. */
  readonly points: readonly { readonly id: string; readonly at: string; readonly value: number }[];
  readonly format: (value: number) => string;
}

const HEIGHT = 40;
const STEP = 8;

export function Trend({ name, points, format }: TrendProps) {
  const values = points.map(({ value }) => value);
  const most = Math.max(...values, 1);
  const last = values.at(-1) ?? 0;
  const width = Math.max(points.length, 12) * STEP;
  const summary = `${name} of the last ${points.length} backups: from ${format(Math.min(...values))} to ${format(most)}, now ${format(last)}`;
  return (
    <figure className={styles["trend"]}>
      <figcaption className="small">
        <span className="muted">{name}</span> {format(last)}
      </figcaption>
      <svg viewBox={`0 0 ${width} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={summary}>
        {points.map(({ id, at, value }, index) => {
          const height = Math.max(1, (value / most) * HEIGHT);
          return (
            <rect
              key={id}
              x={width - (points.length - index) * STEP + 1}
              y={HEIGHT - height}
              width={STEP - 2}
              height={height}
            >
              <title>{`${formatMoment(new Date(at))}: ${format(value)}`}</title>
            </rect>
          );
        })}
      </svg>
    </figure>
  );
}
