// Which page an address is. Each is loaded when somebody first goes there.
import { Component, lazy, Suspense, type ReactNode } from "react";
import { Link, Route, Switch, useLocation } from "wouter";
import { FailureNote } from "../parts/failure.tsx";
import { Loading } from "../parts/loading.tsx";
import { Page } from "../parts/page.tsx";

const Overview = lazy(() => import("../overview/overview-page.tsx"));
const Backups = lazy(() => import("../backups/backups-page.tsx"));
const Backup = lazy(() => import("../backups/backup-page.tsx"));
const NewBackup = lazy(() => import("../backups/new-backup-page.tsx"));
const ImportBackups = lazy(() => import("../backups/import-page.tsx"));
const Restores = lazy(() => import("../restores/restores-page.tsx"));
const Restore = lazy(() => import("../restores/restore-page.tsx"));
const NewRestore = lazy(() => import("../restores/new-restore-page.tsx"));
const Schedules = lazy(() => import("../schedules/schedules-page.tsx"));
const Schedule = lazy(() => import("../schedules/schedule-page.tsx"));
const Stores = lazy(() => import("../stores/stores-page.tsx"));
const Keys = lazy(() => import("../signatures/keys-page.tsx"));
const Notices = lazy(() => import("../notices/notices-page.tsx"));
const Tokens = lazy(() => import("../tokens/tokens-page.tsx"));
const AuditLog = lazy(() => import("../audit/audit-log-page.tsx"));
const AccountSettings = lazy(() => import("../account/account-page.tsx"));

export function Pages() {
  const [location] = useLocation();
  return (
    <PageFault key={location}>
      <Suspense fallback={<Loading what="the page" />}>
        <Switch>
          <Route path="/" component={Overview} />
          <Route path="/backups" component={Backups} />
          <Route path="/backups/new" component={NewBackup} />
          <Route path="/backups/import" component={ImportBackups} />
          <Route path="/backups/:id">{({ id }) => <Backup key={id} id={id} />}</Route>
          <Route path="/backups/:id/restore">{({ id }) => <NewRestore key={id} backupId={id} />}</Route>
          <Route path="/restores" component={Restores} />
          <Route path="/restores/:id">{({ id }) => <Restore key={id} id={id} />}</Route>
          <Route path="/schedules" component={Schedules} />
          <Route path="/schedules/new">{() => <Schedule />}</Route>
          <Route path="/schedules/:id">{({ id }) => <Schedule key={id} id={id} />}</Route>
          <Route path="/stores" component={Stores} />
          <Route path="/keys" component={Keys} />
          <Route path="/notices" component={Notices} />
          <Route path="/tokens" component={Tokens} />
          <Route path="/audit" component={AuditLog} />
          <Route path="/account" component={AccountSettings} />
          <Route>
            <Page title="There is no such page">
              <p>
                Perhaps the address was cut short. <Link href="/">Go to the overview</Link>
              </p>
            </Page>
          </Route>
        </Switch>
      </Suspense>
    </PageFault>
  );
}

/** A page that fails does not take the others with it. */
class PageFault extends Component<{ readonly children: ReactNode }, { readonly failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <Page title="This page has failed">
        <FailureNote
          message="The page could not be shown."
          hint="Load it again. If that does not help, the browser's console says what happened."
        />
      </Page>
    );
  }
}
