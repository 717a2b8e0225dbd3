/**
 * Wrap the paragraphs of a help text. Lines that are indented, such as options and examples, stay as they are, and so do
 * usage lines.
 *
 * @param width characters of a line
 */
export function wrapProse(text: string, width: number): string {
  const lines: string[] = [];
  let words: string[] = [];
  const endParagraph = (): void => {
    let line = '';
    for (const word of words) {
      if (line !== '' && line.length + 1 + word.length > width) {
        lines.push(line);
        line = '';
      }
      line += line === '' ? word : ` ${word}`;
    }
    if (line !== '') lines.push(line);
    words = [];
  };
  for (const line of text.split('\n')) {
    if (/^(\s|$)|^\S*Usage:/.test(line)) {
      endParagraph();
      lines.push(line);
    } else {
      words.push(...line.split(/\s+/));
      // What follows a colon is a list.
      if (line.endsWith(':')) endParagraph();
    }
  }
  endParagraph();
  return lines.join('\n');
}
