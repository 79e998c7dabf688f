// Whether what the page shows is live: a word at the side always, and a notice above the page while it is not.
import { useEffect, useState } from "react";
import { useLink } from "./connection-context.tsx";
import styles from "./shell.module.css";

/** Losing the stream for a moment is nothing that anybody has to know of. */
const PATIENCE_MS = 1_000;

export function LinkSign() {
  const link = useLink();
  return (
    <p className={link === "live" ? styles.sign : `${styles.sign} ${styles.lost}`} data-link={link}>
      <span className={styles.dot} aria-hidden="true" />
      {link === "live" ? "Live" : link === "connecting" ? "Connecting…" : "Reconnecting…"}
    </p>
  );
}

export function LinkNotice() {
  const link = useLink();
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(
      () => setShown(link === "reconnecting"),
      link === "reconnecting" ? PATIENCE_MS : 0,
    );
    return () => clearTimeout(timer);
  }, [link]);
  return (
    <div role="status">
      {shown && (
        <p className={`note warn ${styles.notice}`}>
          <strong>Reconnecting…</strong> The server does not answer. Runs go on without this page; what is
          shown here may be old until it is back.
        </p>
      )}
    </div>
  );
}
