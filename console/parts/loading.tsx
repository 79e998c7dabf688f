// While something is asked for. Nothing is shown at first: most answers come before one could read it.
import { useEffect, useState } from "react";

const PATIENCE_MS = 300;

export function Loading({ what }: { readonly what: string }) {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <p role="status" className="muted" data-loading>
      {late && `Loading ${what}…`}
    </p>
  );
}
