// Forward and back through a list that is read by cursors.
import { useState } from "react";
import { Button } from "react-aria-components";

export interface Paging {
  /** The cursor of the present page; undefined for the first. */
  readonly after: string | undefined;
  readonly page: number;
  readonly next: (endCursor: string) => void;
  readonly back: () => void;
  readonly reset: () => void;
}

export function usePaging(): Paging {
  const [cursors, setCursors] = useState<readonly string[]>([]);
  return {
    after: cursors.at(-1),
    page: cursors.length + 1,
    next: (endCursor) => setCursors([...cursors, endCursor]),
    back: () => setCursors(cursors.slice(0, -1)),
    reset: () => setCursors([]),
  };
}

export interface PagerProps {
  readonly paging: Paging;
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  /** What the list has as a whole: "214 backups". */
  readonly total?: string;
}

export function Pager({ paging, pageInfo: { hasNextPage, endCursor }, total }: PagerProps) {
  const isWhole = paging.page === 1 && !hasNextPage;
  if (isWhole) return total === undefined ? null : <p className="muted small">{total}</p>;
  return (
    <nav aria-label="Pages" className="row apart">
      <span className="muted small">
        {total !== undefined && `${total}, `}page {paging.page}
      </span>
      <span className="row">
        <Button className="button small" isDisabled={paging.page === 1} onPress={paging.back}>
          Newer
        </Button>
        <Button
          className="button small"
          isDisabled={!hasNextPage || endCursor === null}
          onPress={() => {
            if (endCursor !== null) paging.next(endCursor);
          }}
        >
          Older
        </Button>
      </span>
    </nav>
  );
}
