// What people were told, and whether it arrived.
import { Button } from "react-aria-components";
import { useMutation, useQuery } from "urql";
import { useMay } from "../app/account-context.tsx";
import { announce } from "../app/announce.ts";
import { useConnection } from "../app/connection-context.tsx";
import { Failure } from "../parts/failure.tsx";
import { humanise } from "../parts/format.ts";
import { Loading } from "../parts/loading.tsx";
import { Page } from "../parts/page.tsx";
import { Pager, usePaging } from "../parts/pager.tsx";
import { useSearchState } from "../parts/search-state.ts";
import { SelectField } from "../parts/select-field.tsx";
import { DeliveryTable, DELIVERY_STATES } from "./delivery-table.tsx";
import { DELIVERIES, NOTIFY_TARGETS, SEND_TEST_NOTICE, type NotifyTarget } from "./documents.ts";

const PAGE_SIZE = 20;
const STATUSES = ["PENDING", "DELIVERED", "FAILED"] as const;

export default function NoticesPage() {
  const may = useMay("MANAGE_BACKUPS");
  return (
    <Page title="Notices" about="Who is told of what, and what was told in the last 30 days.">
      {may ? (
        <>
          <Targets />
          <Deliveries />
        </>
      ) : (
        <p className="note">
          Notices are for those who have the permission MANAGE_BACKUPS, which you do not have.
        </p>
      )}
    </Page>
  );
}

function Targets() {
  const [{ data, error }] = useQuery({ query: NOTIFY_TARGETS });
  return (
    <>
      {error !== undefined && <Failure error={error} />}
      {data?.notifyTargets.length === 0 && (
        <p className="note warn">
          Nobody is told of anything. Who is to be is said under <code>notify</code> in the server’s
          configuration.
        </p>
      )}
      {data?.notifyTargets.map((target) => (
        <TargetCard key={target.name} target={target} />
      ))}
    </>
  );
}

function TargetCard({ target: { name, kind, on } }: { readonly target: NotifyTarget }) {
  const { refresh } = useConnection();
  const [{ error, fetching }, send] = useMutation(SEND_TEST_NOTICE);
  return (
    <section className="card stack" aria-label={name}>
      <div className="row apart">
        <h2 className="break">
          {name} <span className="small muted">{kind}</span>
        </h2>
        <Button
          className="button small"
          isPending={fetching}
          aria-label={`Send a test to ${name}`}
          onPress={() =>
            void send({ target: name }).then((result) => {
              if (result.error !== undefined) return;
              refresh(["deliveries"]);
              announce("A test is on its way.");
            })
          }
        >
          Send a test
        </Button>
      </div>
      <ul className="tags" aria-label="Told of">
        {on.map((event) => (
          <li key={event} className="tag">
            {humanise(event)}
          </li>
        ))}
      </ul>
      {error !== undefined && <Failure error={error} />}
    </section>
  );
}

function Deliveries() {
  const { refresh } = useConnection();
  const paging = usePaging();
  const [set, change] = useSearchState(["status"]);
  const status = STATUSES.find((one) => one === set.status);
  const [{ data, error, fetching }] = useQuery({
    query: DELIVERIES,
    variables: { first: PAGE_SIZE, after: paging.after, filter: { status } },
  });
  const deliveries = data?.deliveries;
  return (
    <section className="stack" aria-labelledby="told">
      <div className="row apart">
        <h2 id="told">What was told</h2>
        <div className="row">
          <SelectField
            label="Status"
            none="Any"
            value={status ?? ""}
            options={STATUSES.map((value) => ({ value, label: DELIVERY_STATES[value].word }))}
            onChange={(value) => {
              paging.reset();
              change({ status: value });
            }}
          />
          <Button className="button" isPending={fetching} onPress={() => refresh(["deliveries"])}>
            Ask again
          </Button>
        </div>
      </div>
      {error !== undefined && <Failure error={error} />}
      {deliveries === undefined && fetching && <Loading what="notices" />}
      {deliveries?.edges.length === 0 && (
        <div className="empty">
          <p>{status === undefined ? "There was nothing to tell." : "No notice is like this."}</p>
        </div>
      )}
      {deliveries !== undefined && deliveries.edges.length > 0 && (
        <>
          <DeliveryTable deliveries={deliveries.edges.map(({ node }) => node)} />
          <Pager paging={paging} pageInfo={deliveries.pageInfo} total={`${deliveries.totalCount} in all`} />
        </>
      )}
    </section>
  );
}
