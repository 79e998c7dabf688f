// Colour, where there is a terminal to show it and nobody has said NO_COLOR.
import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** The text in a style of node:util's, or as it is where the stream is no terminal or NO_COLOR is set. */
export function paint(stream: NodeJS.WritableStream, style: Style, text: string): string {
  return styleText(style, text, { stream });
}
