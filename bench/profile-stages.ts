// The stages of a backup in their order; a profile runs the first so many of them.

export const STAGES = [
  { name: "wire: socket, frames, batches" },
  { name: "hash of rows" },
  { name: "compression" },
  { name: "encryption" },
  { name: "hash of what is stored" },
  { name: "store" },
] as const;
