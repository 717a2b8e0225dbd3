// A command's help as Markdown: options as a list of definitions, which a narrow screen can show.

const escaped = (text) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** A word that is to be typed: an option, a command, a file or a value with a hyphen in front. */
const typed =
  /(?<![\w-])(--?[a-z][\w-]*|hbnn(?: (?:init|binarize|train|eval|plot|import|fine-tune|quantize|compare-settings|sweep worker|sweep|verify-results|lower|run|random|dump|export|inspect|compare|verilog|verify|synth|estimate|networks|datasets list|datasets fetch|datasets save))(?![\w-])|\w+\.(?:jsonl|json|csv|svg))/g;

/** Prose with the words that are to be typed as code. */
const prose = (text) =>
  escaped(text).replaceAll(typed, '<code><span class="whole">$1</span></code>');

/** Two columns of a help text: '  --out <folder>   where it goes', with further lines of the second column below. */
function pairsOf(lines) {
  const pairs = [];
  for (const line of lines) {
    const [, term, about] = /^ {2}(\S(?:.*?\S)??)(?: {2,}(\S.*))?$/.exec(line) ?? [];
    if (term !== undefined) pairs.push([term, about ?? '']);
    else {
      const last = pairs.at(-1);
      last[1] = `${last[1]} ${line.trim()}`.trim();
    }
  }
  return pairs;
}

const list = (lines) =>
  [
    '<dl class="help">',
    ...pairsOf(lines).map(
      ([term, about]) => `<dt><code>${escaped(term)}</code></dt><dd>${prose(about)}</dd>`,
    ),
    '</dl>',
  ].join('\n');

/** The lines of a help text in groups: those of prose, and those that are indented. */
function groupsOf(text) {
  const groups = [];
  for (const line of text.trimEnd().split('\n')) {
    const kind = line === '' ? 'empty' : line.startsWith(' ') ? 'indented' : 'prose';
    if (groups.at(-1)?.kind === kind) groups.at(-1).lines.push(line);
    else groups.push({ kind, lines: [line] });
  }
  return groups.filter(({ kind }) => kind !== 'empty');
}

/** The help of a command, as Markdown. */
export function helpText(text) {
  const parts = [];
  let title = '';
  // The reproduction’s help has its defaults in quotation marks.
  for (const { kind, lines } of groupsOf(
    text.replaceAll(/\(default:? "?([^")]*)"?\)/g, '(default: $1)'),
  )) {
    if (kind === 'indented') {
      const isExample = /^Example|^Usage/.test(title);
      if (isExample) parts.push(['```sh', ...lines.map((line) => line.slice(2)), '```'].join('\n'));
      else parts.push(list(lines));
      continue;
    }
    const last = lines.at(-1);
    if (lines[0].startsWith('Usage: ')) {
      parts.push(['```sh', ...lines.map((line) => line.replace(/^Usage: /, '')), '```'].join('\n'));
      continue;
    }
    if (!last.endsWith(':')) {
      const sentence = lines.join(' ');
      // The line below the usage is a phrase; here it is a sentence.
      const isPhrase = parts.length === 1 && !sentence.endsWith('.');
      const shown = isPhrase ? `${sentence[0].toUpperCase()}${sentence.slice(1)}.` : sentence;
      parts.push(`<p>${prose(shown)}</p>`);
      continue;
    }
    title = last;
    // A paragraph may end with a colon too.
    if (lines.length > 1 || /^-|\. /.test(title)) parts.push(`<p>${prose(lines.join(' '))}</p>`);
    else parts.push(`<h3 class="help-title">${prose(title.slice(0, -1))}</h3>`);
  }
  return `${parts.join('\n\n')}\n`;
}
