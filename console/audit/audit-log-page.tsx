// Who did what.
import { useQuery } from "urql";
import { Link } from "wouter";
import { useMay } from "../app/account-context.tsx";
import { graphql } from "../graphql/tada.ts";
import { Failure } from "../parts/failure.tsx";
import { humanise } from "../parts/format.ts";
import { Loading } from "../parts/loading.tsx";
import { Moment } from "../parts/moment.tsx";
import { Page } from "../parts/page.tsx";
import { Pager, usePaging } from "../parts/pager.tsx";

const AUDIT_LOG = graphql(`
  query AuditLog($first: Int!, $after: String) {
    auditLog(first: $first, after: $after) {
      pageInfo {
        hasNextPage
        endCursor
      }
      edges {
        node {
          id
          at
          actor
          action
          target
          details
        }
      }
    }
  }
`);

const PAGE_SIZE = 50;

export default function AuditLogPage() {
  const may = useMay("READ_AUDIT_LOGS");
  const paging = usePaging();
  const [{ data, error, fetching }] = useQuery({
    query: AUDIT_LOG,
    variables: { first: PAGE_SIZE, after: paging.after },
    pause: !may,
  });
  const log = data?.auditLog;
  return (
    <Page title="Audit log" about="Who did what, newest first.">
      {!may && (
        <p className="note">Reading it takes the permission READ_AUDIT_LOGS, which you do not have.</p>
      )}
      {error !== undefined && <Failure error={error} />}
      {log === undefined && fetching && <Loading what="the audit log" />}
      {log !== undefined && log.edges.length === 0 && (
        <div className="empty">
          <p>Nobody has done anything yet.</p>
        </div>
      )}
      {log !== undefined && log.edges.length > 0 && (
        <>
          <div className="table-box">
            <table className="folds">
              <thead>
                <tr>
                  <th scope="col">When</th>
                  <th scope="col">Who</th>
                  <th scope="col">Did</th>
                  <th scope="col">To</th>
                  <th scope="col">Particulars</th>
                </tr>
              </thead>
              <tbody>
                {log.edges.map(({ node }) => (
                  <tr key={node.id}>
                    <td>
                      <Moment at={node.at} />
                    </td>
                    <td className="break">{node.actor ?? <span className="muted">Holdfast</span>}</td>
                    <td>{humanise(node.action.replaceAll(".", " "))}</td>
                    <td className="break whole">
                      <Target action={node.action} target={node.target} />
                    </td>
                    <td className="break small whole">{node.details}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <Pager paging={paging} pageInfo={log.pageInfo} />
        </>
      )}
    </Page>
  );
}

interface TargetProps {
  readonly action: string;
  readonly target: string | null;
}

/** A run is a link to it. */
function Target({ action, target }: TargetProps) {
  if (target === null) return null;
  const place = /restore/i.test(action) ? "restores" : /backup|run/i.test(action) ? "backups" : undefined;
  if (place === undefined || !/^[\da-f]{8}-/.test(target)) return <code>{target}</code>;
  return (
    <Link href={`/${place}/${target}`}>
      <code>{target.slice(0, 8)}</code>
    </Link>
  );
}
