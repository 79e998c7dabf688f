// Tells the demo: numbered steps, what is done in each, and how it went, in 80 columns.
import { paint } from "../terminal/paint.ts";

const WIDTH = 80;
const INDENT = "   ";

export interface Story {
  /** Begins the next step. */
  step(title: string): void;
  /** Lines of plain text. */
  say(text: string): void;
  /** Something that is sent, run or shown as it stands. */
  quote(text: string): void;
  /** A request as it goes over the wire: the document (the first time it is used), and its variables as JSON. */
  request(document: string, variables: object): void;
  /** Something that holds: the demo is there to show it. */
  check(text: string, holds: boolean): void;
}

export function createStory(output: NodeJS.WritableStream): Story {
  const shown = new Set<string>();
  let steps = 0;
  const write = (text: string, style?: Parameters<typeof paint>[1]): void => {
    for (const line of text.split("\n"))
      output.write(
        line === "" ? "\n" : `${INDENT}${style === undefined ? line : paint(output, style, line)}\n`,
      );
  };
  return {
    step(title) {
      steps += 1;
      output.write(`\n${paint(output, ["bold", "cyan"], `${steps}. ${title}`)}\n`);
    },
    say: (text) => write(text),
    quote: (text) => write(text, "dim"),
    request(document, variables) {
      write(shown.has(document) ? `${document.split("\n", 1)[0]} ... as above` : document, "dim");
      shown.add(document);
      write(compactJson(variables, WIDTH - INDENT.length), "dim");
    },
    check(text, holds) {
      write(holds ? `✓ ${text}` : `✗ ${text}`, holds ? "green" : ["bold", "red"]);
    },
  };
}

/** JSON on one line where it fits, else a line for each of its fields. */
function compactJson(value: unknown, room: number): string {
  const flat = JSON.stringify(value);
  if (flat.length <= room || typeof value !== "object" || value === null) return flat;
  const fields = Object.entries(value).map(
    ([name, field]) => `  "${name}": ${compactJson(field, room - 2).replaceAll("\n", "\n  ")}`,
  );
  return `{\n${fields.join(",\n")}\n}`;
}
