// The console's entry.
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/app.tsx";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/forms.css";

// The server has been upgraded and no longer has the files that this page was made of.
addEventListener("vite:preloadError", () => {
  const reloadedAt = Number(sessionStorage.getItem("holdfast.reloadedAt"));
  if (Date.now() - reloadedAt < 60_000) return;
  sessionStorage.setItem("holdfast.reloadedAt", String(Date.now()));
  location.reload();
});

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
