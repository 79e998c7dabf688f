import { Page } from "../parts/page.tsx";
export default function P(_: { id?: string; backupId?: string }) {
  return <Page title="restore-page">…</Page>;
}
