// Copying to the clipboard.

/** @returns whether it is on the clipboard now; a page over plain HTTP has none */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
