import type { MarkdownRenderer } from 'vitepress';

/** Words of code up to this length stay whole if they have a hyphen, such as `--map-per`. */
const longestWhole = 24;
/** Words up to this length need no place to break at. */
const shortWord = 16;

/** Say where a line may break in a piece of code: after the parts of a path and an opening bracket, and not within an option. */
export function inlineCode(md: MarkdownRenderer): void {
  const { escapeHtml } = md.utils;
  md.renderer.rules.code_inline = (tokens, i, _options, _env, self) => {
    const words = tokens[i].content.split(' ').map((word) => {
      if (word.includes('-') && word.length <= longestWhole)
        return `<span class="whole">${escapeHtml(word)}</span>`;
      if (word.length <= shortWord) return escapeHtml(word);
      return word
        .split(/(?<=[/_,|=(])(?=.)/)
        .map((part) => escapeHtml(part))
        .join('<wbr>');
    });
    return `<code v-pre${self.renderAttrs(tokens[i])}>${words.join(' ')}</code>`;
  };
}
