// A command's help as Markdown: options as a list of definitions, which a narrow screen can show.
import { commands } from './commands.mjs';

const escaped = (text) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** All commands, the longest first: `hbnn sweep worker` is more than `hbnn sweep`. */
const commandNames = Object.values(commands)
  .filter((words) => words.length > 0)
  .map((words) => words.join(' '))
  .sort((a, b) => b.length - a.length)
  .join('|');

/** An option with the value beside it: numbers and capitals are values, and of plain words only these. */
const value = String.raw` (?:(?:c|largest|folded|folder|random|static|float|verilog|net)(?![\w-])|[\w.:/*]*[\dA-Z][\w.,:/*]*(?<=[\w*])…?)`;
const option = String.raw`--?[a-z][\w-]*(?:${value})?`;

/** What is to be typed or looked for as it stands. */
const typed = new RegExp(
  [
    // 'one piece', whose quotation marks are left out
    String.raw`(?<!\w)'([^']+)'(?!\w)`,
    String.raw`(?<![\w-])hbnn (?:${commandNames})(?![\w-])(?: \w+\.onnx)?(?: ${option})*`,
    'pnpm bench:reproduce',
    String.raw`npm install(?: @[\w/-]+)+`,
    String.raw`(?<![\w-])${option}(?: ${option})*`,
    String.raw`\{"[^}]*\}+`,
    String.raw`(?:rediss?|s3):\/\/[\w:/]*`,
    String.raw`~\/[\w./-]*\w`,
    String.raw`@[a-z-]+\/[\w-]+`,
    // Files and their endings
    String.raw`[\w-]*\.(?:jsonl|json|csv|svg|npy|npz|onnx|keras|h5|hbnn|safetensors|[chv])(?!\w)`,
    // Values with a part to fill in, such as luts:N
    String.raw`(?<![\w-])[a-z][a-z-]*:(?:[A-Z]\w*(?:\/[A-Z])?|\d+(?:,[a-z]+)?)(?!\w)`,
    // Names of cells with stars for any letters
    String.raw`\*\w+,\*\w+\*`,
    String.raw`PExSIMD(?:xPLANES)?(?!\w)`,
    // fieldNames, VARIABLES_OF_A_SHELL, names_of_ports and words of Verilog
    String.raw`(?<![\w-])(?!iCE40)[a-z]+[A-Z]\w*`,
    String.raw`(?<!\w)[A-Z][A-Z\d]*_[A-Z\d_]+`,
    String.raw`(?<![\w-])[a-z]\w*_[a-z_]+`,
    String.raw`[$\u0060][a-z]+`,
  ].join('|'),
  'g',
);

/** Words of code with places where a line may break: between them, and after a stroke in a long one. */
function code(text) {
  const words = text
    .split(' ')
    .map((word) =>
      word.length <= 24
        ? `<span class="whole">${escaped(word)}</span>`
        : word
            .split(/(?<=[/:,])(?=[^/:])/)
            .map(escaped)
            .join('<wbr>'),
    )
    .join(' ');
  return `<code v-pre>${words}</code>`;
}

/** The default that ends a description, in one form; the reproduction’s help has some in quotation marks. */
const withDefault = (text) =>
  text.replaceAll(/\(default:? "?([^")]*)"?\)/g, (_, shown) => {
    // A long first word would leave the line before it half empty.
    const space = /^\S{1,16}(?: |$)/.test(shown) ? '\u00A0' : ' ';
    return `(default:${space}${shown})`;
  });

/** Prose with what is to be typed as code, and with numbers that stay beside their units. */
function prose(text) {
  const line = withDefault(text).replaceAll(/(\d) (%|kbit)/g, '$1\u00A0$2');
  let [html, from] = ['', 0];
  for (const found of line.matchAll(typed)) {
    html += escaped(line.slice(from, found.index)) + code(found[1] ?? found[0]);
    from = found.index + found[0].length;
  }
  // A page that the terminal can only name.
  return `${html}${escaped(line.slice(from))}`.replace(
    /page Integer layers of the documentation/,
    'page <a href="../reference/integer-layers.html">Integer layers</a>',
  );
}

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

/** Terms that are longer have a line of their own, so that all lists have a first column of the same width. */
const longestTerm = 26;

/** The section of a command below another, as the list of commands names it: `datasets` begins with its first one. */
function sectionOf(words, term) {
  const path = ['hbnn', ...words, term.split(' ')[0]].join('-');
  if (Object.hasOwn(commands, path)) return path;
  return Object.keys(commands).find((name) => name.startsWith(`${path}-`));
}

function list(pairs, words) {
  // A term of several plain words says what something is, and is not to be typed.
  const isProse = pairs.some(([term]) => /^[a-z\d]+(?: [a-z\d]+)+$/.test(term));
  const items = pairs.map(([term, about]) => {
    // Every command has options: in a list of commands that says nothing.
    const name = words === undefined ? term : term.replace(' [options]', '');
    const shown = isProse ? escaped(name) : `<code v-pre>${escaped(name)}</code>`;
    const section = words === undefined ? undefined : sectionOf(words, term);
    const linked = section === undefined ? shown : `<a href="#${section}">${shown}</a>`;
    const long = !isProse && name.length > longestTerm ? ' class="long"' : '';
    return `<dt${long}>${linked}</dt><dd>${prose(about)}</dd>`;
  });
  return ['<dl class="help">', ...items, '</dl>'].join('\n');
}

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

const sameAs = (pairs) => {
  const known = new Set(pairs.map((pair) => pair.join('\n')));
  return (pair) => known.has(pair.join('\n'));
};

/** Options that every command has: the page says them once, with hbnn itself. */
const isCommon = sameAs([
  ['--json', 'print the result as JSON'],
  ['-q, --quiet', 'print only results and errors: no progress, notes and next steps'],
  ['-h, --help', 'display help for command'],
]);

const heading = (title, id) =>
  `<h3 class="help-title"${id === undefined ? '' : ` id="${id}"`}>${prose(title)}</h3>`;

const details = (summary, parts) =>
  [
    '<details>',
    `<summary>${prose(summary)}</summary>`,
    '',
    parts.join('\n\n'),
    '',
    '</details>',
  ].join('\n');

/**
 * The help of a command, as Markdown.
 *
 * @param words the command, such as ['datasets', 'list']; none for another program, of which nothing is left out
 * @param trainText the help of `hbnn train`, whose options some commands repeat: those are folded
 */
export function helpText(text, words, trainText) {
  const parts = [];
  let title = '';
  const isOfTrain =
    trainText === undefined || words?.join() === 'train'
      ? () => false
      : sameAs(
          groupsOf(trainText).flatMap(({ kind, lines }) =>
            kind === 'indented' ? pairsOf(lines) : [],
          ),
        );
  // Lists of options that are those of training, with their titles.
  const folded = [];
  let [ofTrain, foldedAt] = [0, 0];
  // The title of a list is written with the list: one of which nothing is left has none.
  let titled;
  const untitled = () => {
    if (titled !== undefined) parts.push(titled);
    titled = undefined;
  };
  for (const { kind, lines } of groupsOf(text)) {
    if (kind === 'indented') {
      const isExample = /^Example|^Usage/.test(title);
      if (isExample) {
        untitled();
        parts.push(['```sh', ...lines.map((line) => line.slice(2)), '```'].join('\n'));
        continue;
      }
      const isHbnn = words?.length === 0;
      const pairs = pairsOf(lines).filter(
        (pair) => words === undefined || isHbnn || !isCommon(pair),
      );
      if (pairs.length === 0) {
        titled = undefined;
        continue;
      }
      const same = pairs.filter(isOfTrain).length;
      // A few options of its own, with other words, do not make a list worth reading twice.
      if (title !== 'Options:' && same >= 0.8 * pairs.length) {
        if (folded.length === 0) foldedAt = parts.length;
        ofTrain += same;
        if (titled !== undefined) folded.push(titled);
        folded.push(list(pairs));
        titled = undefined;
        continue;
      }
      untitled();
      const hasCommands = isHbnn ? !/^(?:Options|Exit codes):$/.test(title) : title === 'Commands:';
      parts.push(list(pairs, hasCommands ? words : undefined));
      continue;
    }
    untitled();
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
    const isParagraph =
      lines.length > 1 ||
      /^-|\. |^(?:The|With|A|If) .* (?:fields|files|these|folds|counted):/.test(title);
    titled = isParagraph
      ? `<p>${prose(lines.join(' '))}</p>`
      : heading(
          title.slice(0, -1),
          // The exit codes of all commands can be linked to.
          words?.length === 0 && title === 'Exit codes:' ? 'exit-codes' : undefined,
        );
  }
  // Folding pays only for a long list.
  const least = 8;
  if (ofTrain >= least) {
    const name = ['hbnn', ...words].join(' ');
    parts.splice(foldedAt, 0, details(`The options of hbnn train that ${name} has too`, folded));
  } else parts.splice(foldedAt, 0, ...folded);
  return `${parts.join('\n\n')}\n`;
}
