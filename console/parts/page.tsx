// A page: its title in the tab and as the heading, which takes the focus when one comes from another page, so that the
// keyboard and a screen reader go on from there.
import { useEffect, useRef, type ReactNode } from "react";
import styles from "./page.module.css";

let isFirst = true;

export function usePageTitle(title: string): void {
  useEffect(() => {
    document.title = title === "Holdfast" ? title : `${title} · Holdfast`;
  }, [title]);
}

export interface PageProps {
  readonly title: string;
  /** Beside the title: what can be done here. */
  readonly actions?: ReactNode;
  /** Below the title, in a sentence. */
  readonly about?: ReactNode;
  /** Above the title: where one came from. */
  readonly trail?: ReactNode;
  readonly children: ReactNode;
}

export function Page({ title, actions, about, trail, children }: PageProps) {
  usePageTitle(title);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (!isFirst) heading.current?.focus({ preventScroll: true });
    if (!isFirst) scrollTo(0, 0);
    isFirst = false;
  }, []);
  return (
    <>
      <header className={styles.head}>
        <div className={styles.title}>
          {trail !== undefined && <div className="small muted">{trail}</div>}
          <h1 ref={heading} tabIndex={-1} className="break">
            {title}
          </h1>
          {about !== undefined && <p className="muted">{about}</p>}
        </div>
        {actions !== undefined && <div className="row">{actions}</div>}
      </header>
      <div className="stack">{children}</div>
    </>
  );
}
