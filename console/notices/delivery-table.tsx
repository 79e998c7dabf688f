// Notices with what became of them, and sending one again.
import { Button } from "react-aria-components";
import { useMutation } from "urql";
import { announce } from "../app/announce.ts";
import { Failure } from "../parts/failure.tsx";
import { humanise } from "../parts/format.ts";
import { Age } from "../parts/moment.tsx";
import { REDELIVER, type Delivery } from "./documents.ts";

export const DELIVERY_STATES: Readonly<Record<Delivery["status"], { word: string; tone: string }>> = {
  PENDING: { word: "On its way", tone: "busy" },
  DELIVERED: { word: "Arrived", tone: "good" },
  FAILED: { word: "Given up", tone: "bad" },
};

export function DeliveryTable({ deliveries }: { readonly deliveries: readonly Delivery[] }) {
  return (
    <div className="table-box">
      <table className="folds">
        <thead>
          <tr>
            <th scope="col">Notice</th>
            <th scope="col">Of</th>
            <th scope="col">To</th>
            <th scope="col">Status</th>
            <th scope="col">
              <span className="visually-hidden">Send again</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {deliveries.map((delivery) => (
            <DeliveryRow key={delivery.id} delivery={delivery} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function DeliveryRow({ delivery }: { readonly delivery: Delivery }) {
  const { id, event, target, title, text, status, attempts, error, createdAt } = delivery;
  const [{ error: failure, fetching }, redeliver] = useMutation(REDELIVER);
  return (
    <tr>
      <th scope="row">
        <details>
          <summary className="break">{title}</summary>
          <p className="small break">{text}</p>
        </details>
        <div className="small muted">
          <Age at={createdAt} />
        </div>
        {failure !== undefined && <Failure error={failure} />}
      </th>
      <td data-label="Of">{humanise(event)}</td>
      <td className="break" data-label="To">
        {target}
      </td>
      <td>
        <span className={`tag ${DELIVERY_STATES[status].tone}`}>{DELIVERY_STATES[status].word}</span>
        {attempts > 1 && <span className="small muted"> {attempts} attempts</span>}
        {error !== null && <div className="small break">{error}</div>}
      </td>
      <td className="number">
        <Button
          className="button small"
          isPending={fetching}
          aria-label={`Send again: ${title}`}
          onPress={() =>
            void redeliver({ id }).then((result) => {
              if (result.error === undefined) announce("It is sent again.");
            })
          }
        >
          Send again
        </Button>
      </td>
    </tr>
  );
}
