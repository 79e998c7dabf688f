import { Page } from "../parts/page.tsx";
export default function P() {
  return <Page title="restores-page">…</Page>;
}
