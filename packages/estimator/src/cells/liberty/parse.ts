import { HbnnError } from '@hbnn/core';

/** A group of a Liberty file: `kind (names) { attributes, groups }`. */
export interface LibertyGroup {
  readonly kind: string;
  readonly names: readonly string[];
  /** The file it is in, as messages call it. */
  readonly file: string;
  /** Where it begins, from 1. */
  readonly line: number;
  /** `name : value;`, the last of a name. */
  readonly attributes: Map<string, string>;
  /** `name (values);`, in order; one of a name may come often. */
  readonly lists: Map<string, string[][]>;
  readonly groups: LibertyGroup[];
}

/** The `library` group of a file. */
export interface LibertySource extends LibertyGroup {
  /** Whether Yosys and abc read the file's statements as this reader does. */
  readonly isPlain: boolean;
}

/** The text that an `include_file` names, and what messages call it. */
export type ReadInclude = (name: string, from: string) => { text: string; file: string };

interface Token {
  readonly text: string;
  readonly kind: 'word' | 'string' | 'mark' | 'end';
  readonly line: number;
}

/**
 * Strings; the marks of the format; words, which a comment ends. Backslashes before a line's end join lines and are
 * skipped with the space, blanks between the two included.
 */
const pattern =
  /((?:\s|\\[ \t]*\r?\n|\/\*[\s\S]*?\*\/|\/\/[^\n]*)*)(?:"((?:[^"\\]|\\[\s\S])*)"|([(){}:;,])|((?:[^\s(){}:;,"\\/]|\/(?![*/]))+)|$)/y;

class Reader {
  private readonly source: string;
  readonly file: string;
  /** Undefined where files that are included cannot be read. */
  readonly include: ReadInclude | undefined;
  /** The files that this one was included from. */
  readonly outer: readonly string[];
  /** Whether all that was read so far is as Yosys and abc read it too. */
  isPlain = true;
  private at = 0;
  /** The line of the last word that was read, from 1. */
  line = 1;
  private ahead: Token | undefined;

  constructor(
    source: string,
    file: string,
    include: ReadInclude | undefined,
    outer: readonly string[] = [],
  ) {
    this.source = source;
    this.file = file;
    this.include = include;
    this.outer = outer;
  }

  fault(line: number, expected: string, got: Token): HbnnError {
    const what = got.kind === 'end' ? 'the end of the file' : `'${got.text.slice(0, 40)}'`;
    return new HbnnError(
      `${this.file}, line ${line}: expected ${expected}, got ${what}; mend the file or take a whole Liberty library`,
    );
  }

  peek(): Token {
    this.ahead ??= this.read();
    return this.ahead;
  }

  next(): Token {
    const token = this.peek();
    this.ahead = undefined;
    return token;
  }

  private read(): Token {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.source);
    if (found === null) {
      const rest = this.source.slice(this.at).trimStart();
      const what = rest.startsWith('/*') ? 'a comment that ends' : 'a string that ends, or a name';
      const line = this.line + lines(this.source.slice(this.at, this.source.length - rest.length));
      throw this.fault(line, what, { text: rest, kind: 'word', line });
    }
    this.at = pattern.lastIndex;
    this.line += lines(found[1]);
    const { line } = this;
    if (found[2] !== undefined) {
      this.line += lines(found[2]);
      return { text: found[2].replace(/\\[ \t]*\r?\n/g, ' '), kind: 'string', line };
    }
    if (found[3] !== undefined) return { text: found[3], kind: 'mark', line };
    if (found[4] !== undefined) return { text: found[4], kind: 'word', line };
    return { text: '', kind: 'end', line };
  }
}

function lines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

/**
 * Parse the text of a Liberty file: its one `library` group with all that is in it.
 *
 * @param file what messages call the text
 * @param include reads what `include_file` names; without it such a file is refused
 * @throws HbnnError naming file and line, for text that is not Liberty or breaks off
 */
export function parseLiberty(source: string, file: string, include?: ReadInclude): LibertySource {
  const reader = new Reader(source, file, include);
  const first = reader.next();
  if (first.kind !== 'word' || first.text !== 'library')
    throw reader.fault(first.line, "'library (name) {'", first);
  const found = group(reader, first, parenthesized(reader));
  let after = reader.next();
  // Some writers end groups as statements.
  while (after.kind === 'mark' && after.text === ';') after = reader.next();
  if (after.kind !== 'end') throw reader.fault(after.line, 'nothing after the library', after);
  return { ...found, isPlain: reader.isPlain };
}

/** Libraries nest about six groups. */
const deepest = 100;

/** What every reader takes for a name or a number. */
const plainWord = /^[\w.+-]+$/;
/** The same between parentheses: with the bits of a bus, and no operator alone. */
const plainPart = /^(?=.*\w)[\w.+-]+(?:\[\w+\])*$/;

/** What stands between parentheses; commas part it. */
function parenthesized(reader: Reader, line?: number): string[] {
  const open = reader.next();
  if (line !== undefined && open.line !== line) reader.isPlain = false;
  if (open.text !== '(' || open.kind !== 'mark') throw reader.fault(open.line, "'('", open);
  const parts: string[] = [];
  let part: string[] = [];
  for (;;) {
    const token = reader.next();
    const ends = token.kind === 'mark' && (token.text === ')' || token.text === ',');
    if (token.kind === 'end' || (token.kind === 'mark' && '{};'.includes(token.text)))
      throw reader.fault(token.line, "')'", token);
    if (!ends) {
      part.push(token.text);
      if (token.kind !== 'string' && !plainPart.test(token.text)) reader.isPlain = false;
      continue;
    }
    if (part.length > 0) parts.push(part.join(' '));
    part = [];
    if (token.text === ')') return parts;
  }
}

function group(reader: Reader, name: Token, names: readonly string[], depth = 1): LibertyGroup {
  const open = reader.next();
  if (open.kind !== 'mark' || open.text !== '{') throw reader.fault(open.line, "'{'", open);
  if (depth > deepest)
    throw reader.fault(name.line, `at most ${deepest} groups within each other`, name);
  const built: LibertyGroup = {
    kind: name.text,
    names,
    file: reader.file,
    line: name.line,
    attributes: new Map(),
    lists: new Map(),
    groups: [],
  };
  for (;;) {
    const token = reader.next();
    if (token.kind === 'mark' && token.text === '}') return built;
    if (token.kind === 'mark' && token.text === ';') continue;
    if (token.kind !== 'word')
      throw reader.fault(
        token.line,
        `'}' for '${name.text} (${names.join(', ')})' of line ${name.line}, or an attribute`,
        token,
      );
    statement(reader, token, built, depth);
  }
}

/** Files that include each other; libraries have two or three. */
const maxIncludes = 20;

/** The statements of a file that another one includes, as if they were there. */
function included(
  outer: Reader,
  at: Token,
  values: readonly string[],
  into: LibertyGroup,
  depth: number,
): void {
  const place = `${outer.file}, line ${at.line}: include_file (${values.join(', ')})`;
  if (values.length !== 1)
    throw new HbnnError(
      `${place}: expected the name of one file; write one include_file for each file`,
    );
  if (outer.include === undefined)
    throw new HbnnError(
      `${place}: expected a library in one text, got one that includes a file; put the file's text there, or read the library with a function that reads what it includes`,
    );
  const { text, file } = outer.include(values[0], outer.file);
  const files = [...outer.outer, outer.file];
  if (files.includes(file) || files.length > maxIncludes)
    throw new HbnnError(`${place}: expected a file that does not include itself; mend the files`);
  const reader = new Reader(text, file, outer.include, files);
  for (;;) {
    const token = reader.next();
    if (token.kind === 'end') return;
    if (token.kind === 'mark' && token.text === ';') continue;
    if (token.kind !== 'word') throw reader.fault(token.line, 'an attribute or a group', token);
    statement(reader, token, into, depth);
  }
}

function statement(reader: Reader, name: Token, into: LibertyGroup, depth: number): void {
  if (!/^[\w.-]+$/.test(name.text))
    throw reader.fault(name.line, 'an attribute or a group, named by letters and digits', name);
  const mark = reader.peek();
  if (mark.kind === 'mark' && mark.text === ':') {
    if (reader.next().line !== name.line) reader.isPlain = false;
    const value = simpleValue(reader, name);
    if (name.text === 'include_file') included(reader, name, [value], into, depth);
    else setAttribute(reader, name, value, into);
    return;
  }
  if (mark.kind !== 'mark' || mark.text !== '(')
    throw reader.fault(mark.line, `':' or '(' after '${name.text}'`, mark);
  const values = parenthesized(reader, name.line);
  const lastLine = reader.line;
  const after = reader.peek();
  if (after.kind === 'mark' && after.text === '{') {
    if (after.line !== lastLine) reader.isPlain = false;
    if (name.text === 'library')
      throw reader.fault(name.line, 'an attribute or a group of the library', name);
    into.groups.push(group(reader, name, values, depth + 1));
    return;
  }
  if (name.text === 'include_file') {
    included(reader, name, values, into, depth);
    return;
  }
  if (after.text !== ';' && after.line === lastLine) reader.isPlain = false;
  if (simple.includes(name.text))
    throw new HbnnError(
      `${reader.file}, line ${name.line}: expected ${name.text} of ${into.kind} (${into.names.join(', ')}) behind a colon, got '${name.text} (${shortened(values.join(', '))})'; write ${name.text} : VALUE; there`,
    );
  const list = into.lists.get(name.text);
  if (list === undefined) into.lists.set(name.text, [values]);
  else list.push(values);
}

/** Attributes of one value that are read: in parentheses they would not be found. */
const simple: readonly string[] = [
  'area',
  'capacitance',
  'cell_leakage_power',
  'clocked_on',
  'direction',
  'dont_use',
  'function',
  'next_state',
  'nom_voltage',
  'value',
  'when',
];

/** Attributes that say nothing to a program. */
const remarks: readonly string[] = ['comment', 'date', 'revision'];

/** @throws HbnnError where the group has another value of the name: which one readers take differs */
function setAttribute(reader: Reader, name: Token, value: string, into: LibertyGroup): void {
  const before = into.attributes.get(name.text);
  if (before !== undefined && before !== value && !remarks.includes(name.text))
    throw new HbnnError(
      `${reader.file}, line ${name.line}: expected one ${name.text} of ${into.kind} (${into.names.join(', ')}), got '${shortened(value)}' behind '${shortened(before)}'; take one of them out`,
    );
  into.attributes.set(name.text, value);
}

const shortened = (text: string): string => text.slice(0, 40);

/** A value ends with a semicolon, with its line, or with the group. */
function simpleValue(reader: Reader, name: Token): string {
  const tokens: Token[] = [];
  for (;;) {
    const token = reader.peek();
    const mark = token.kind === 'mark';
    const ends = token.kind === 'end' || (mark && '};'.includes(token.text));
    if (ends || (tokens.length > 0 && token.line > name.line)) break;
    if (mark && token.text === '{') throw reader.fault(token.line, "';'", token);
    tokens.push(reader.next());
  }
  const end = reader.peek();
  if (tokens.length === 0) throw reader.fault(end.line, `a value of '${name.text}'`, end);
  if (end.kind === 'mark' && end.text === ';') reader.next();
  else if (end.kind === 'mark' && end.text === '}') reader.isPlain = false;
  return joinedValue(tokens, reader, name);
}

/** Attributes that hold functions of pins, which some writers leave without quotes. */
const functionName =
  /^(?:\w*function|enable|three_state|next_state|clocked_on\w*|clear|preset|data_in|when|sdf_cond)$/;
const isOfFunction = ({ text, kind }: Token): boolean =>
  kind === 'word' || (kind === 'mark' && '()'.includes(text));

/** A name with a range of bits, and numbers and names that operators join. */
const rangePattern = /^[\w.]+\[\w+ : \w+\]$/;
const expressionPattern = /^[+-]?[\w.]+(?: ?[*/+-] ?[+-]?[\w.]+)*$/;

/**
 * The value that an attribute's words are: one of them, or several that operators join.
 *
 * @throws HbnnError for words without an operator, and other marks between them
 */
function joinedValue(tokens: readonly Token[], reader: Reader, name: Token): string {
  const [first] = tokens;
  if (tokens.length === 1 && first.kind !== 'mark') {
    if (first.kind === 'word' && !plainWord.test(first.text)) reader.isPlain = false;
    return first.text;
  }
  const value = tokens.map(({ text }) => text).join(' ');
  const isJoined = tokens.every(({ kind }) => kind !== 'string') && expressionPattern.test(value);
  const isFunction = functionName.test(name.text) && tokens.every(isOfFunction);
  if (!isJoined && !isFunction && !rangePattern.test(value))
    throw new HbnnError(
      `${reader.file}, line ${name.line}: expected one value of '${name.text}', or some joined by + - * /, got '${shortened(value)}'; mend it, or put a text in quotes`,
    );
  const isPlain = tokens.every(({ text }, i) =>
    i % 2 === 0 ? plainWord.test(text) : /^[*/+-]$/.test(text),
  );
  if (!isPlain) reader.isPlain = false;
  return value;
}
