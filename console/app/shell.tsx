// Around every page: navigation, who is signed in, the theme, whether what is shown is live, and a region that speaks.
import { useState } from "react";
import { Button } from "react-aria-components";
import { useMutation } from "urql";
import { Link, useLocation } from "wouter";
import { graphql } from "../graphql/tada.ts";
import { endSession, useSessionState } from "../session/session.ts";
import { useAccount, useMay } from "./account-context.tsx";
import { setRegion } from "./announce.ts";
import { Brand } from "./brand.tsx";
import { LinkNotice, LinkSign } from "./link-sign.tsx";
import { Pages } from "./pages.tsx";
import { ThemeChoice } from "./theme-choice.tsx";
import styles from "./shell.module.css";

const LOGOUT = graphql(`
  mutation Logout {
    logout
  }
`);

interface Place {
  readonly href: string;
  readonly label: string;
}

export function Shell() {
  const [location] = useLocation();
  // Whoever goes to another page has done with the menu.
  const [openAt, setOpenAt] = useState<string>();
  const open = openAt === location;
  const mayReadLog = useMay("READ_AUDIT_LOGS");
  const mayManage = useMay("MANAGE_BACKUPS");
  const places: readonly Place[] = [
    { href: "/", label: "Overview" },
    { href: "/backups", label: "Backups" },
    { href: "/restores", label: "Restores" },
    { href: "/schedules", label: "Schedules" },
    { href: "/stores", label: "Stores" },
    { href: "/keys", label: "Signing keys" },
    ...(mayManage ? [{ href: "/notices", label: "Notices" }] : []),
    { href: "/tokens", label: "Tokens" },
    ...(mayReadLog ? [{ href: "/audit", label: "Audit log" }] : []),
  ];
  return (
    <div className={styles.shell}>
      <a className={styles.skip} href="#content">
        Skip to the content
      </a>
      <header className={styles.side}>
        <div className={styles.top}>
          <Link href="/" className={styles.home}>
            <Brand />
          </Link>
          <Button
            className={`button small ${styles.menu}`}
            aria-expanded={open}
            aria-controls="navigation"
            onPress={() => setOpenAt(open ? undefined : location)}
          >
            Menu
          </Button>
        </div>
        <div id="navigation" className={open ? `${styles.drawer} ${styles.open}` : styles.drawer}>
          <nav aria-label="Main">
            <ul className={styles.places}>
              {places.map(({ href, label }) => (
                <li key={href}>
                  <Link href={href} aria-current={isHere(href, location) ? "page" : undefined}>
                    {label}
                  </Link>
                </li>
              ))}
            </ul>
          </nav>
          <div className={styles.foot}>
            <LinkSign />
            <ThemeChoice />
            <Whoever />
          </div>
        </div>
      </header>
      <main id="content" className={styles.main}>
        <LinkNotice />
        <Pages />
      </main>
      <div ref={setRegion} role="status" aria-live="polite" className="visually-hidden" />
    </div>
  );
}

function isHere(href: string, location: string): boolean {
  return href === "/" ? location === "/" : location === href || location.startsWith(`${href}/`);
}

function Whoever() {
  const { username } = useAccount();
  const { session } = useSessionState();
  const [, logout] = useMutation(LOGOUT);
  return (
    <div className={styles.account}>
      <Link href="/account" className="break">
        {username}
      </Link>
      <Button
        className="button small quiet"
        onPress={() => {
          // The token is of no use to anybody from then on; a server that does not answer keeps nobody here.
          void logout({}).finally(() => {
            if (session !== undefined) endSession(session.token, "signed out");
          });
        }}
      >
        Sign out
      </Button>
    </div>
  );
}
