// Backups that were made elsewhere: from a file that somebody has, and from stores that another server filled.
import { Link } from "wouter";
import { useMay } from "../app/account-context.tsx";
import { Page } from "../parts/page.tsx";
import { ImportForm } from "./import-form.tsx";
import { ScanForm } from "./scan-form.tsx";

export default function ImportPage() {
  const may = useMay("MANAGE_BACKUPS");
  return (
    <Page title="Import backups" trail={<Link href="/backups">Backups</Link>}>
      {may ? (
        <>
          <ImportForm />
          <ScanForm />
        </>
      ) : (
        <p className="note">Importing backups takes the permission MANAGE_BACKUPS, which you do not have.</p>
      )}
    </Page>
  );
}
