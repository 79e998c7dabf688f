// Says things to screen readers that others see change on the page.
let region: HTMLElement | null = null;

export function setRegion(element: HTMLElement | null): void {
  region = element;
}

/** Politely: after whatever is being said. The same text twice is said twice. */
export function announce(text: string): void {
  if (region === null) return;
  const line = document.createElement("p");
  line.textContent = text;
  region.replaceChildren(line);
}
