// Sizes as people write them in settings: 512MB, 4GB.

const UNITS: Readonly<Record<string, number>> = { KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30, TB: 2 ** 40 };

/** Of a whole number with a unit, each 1024 times the one before; undefined for anything else. */
function parseSizeBytes(text: string): number | undefined {
  const [, number, unit] = /^(\d{1,6}) ?([KMGT]B)$/i.exec(text.trim()) ?? [];
  const factor = UNITS[unit?.toUpperCase() ?? ""];
  return number === undefined || factor === undefined ? undefined : Number(number) * factor;
}

/** From how large a run on it is shared with other workers; "off": never. undefined for anything else. */
export function parseShareFrom(text: string): number | "off" | undefined {
  return text.trim().toLowerCase() === "off" ? "off" : parseSizeBytes(text);
}
