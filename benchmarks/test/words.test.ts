import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const files = (...patterns: string[]): string[] =>
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', ...patterns], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((file) => file !== '' && existsSync(join(root, file)));

/** Names that say nothing about what they hold, at module level or in a public type. */
const emptyNames =
  /^(one|ones|found|known|made|own|most|alike|zero|total|largest|invert|extended|given|taken|kept|asked|said|told)$/;
const oldLimits = /^(most[A-Z]\w*|\w+Usually)$/;

/** Find the declarations of a source file whose names are banned. */
function bannedNames(file: string, text: string): string[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const faults: string[] = [];
  const look = (node: ts.Node, moduleLevel: boolean): void => {
    const name = (node as { name?: ts.Node }).name;
    if (name !== undefined && ts.isIdentifier(name)) {
      const declares =
        ts.isVariableDeclaration(node) ||
        ts.isFunctionDeclaration(node) ||
        ts.isParameter(node) ||
        ts.isBindingElement(node) ||
        ts.isPropertySignature(node);
      const banned = oldLimits.test(name.text) || (moduleLevel && emptyNames.test(name.text));
      if (declares && banned) {
        const { line } = source.getLineAndCharacterOfPosition(name.getStart());
        faults.push(`${file}:${line + 1} ${name.text}`);
      }
    }
    const inner = moduleLevel && !ts.isFunctionLike(node) && !ts.isBlock(node);
    ts.forEachChild(node, (child) => look(child, inner && !ts.isInterfaceDeclaration(node)));
  };
  ts.forEachChild(source, (node) => look(node, true));
  return faults;
}

/** Find literals that are spread only to please a formatter, such as `...{ a, b }`. */
function spreadLiterals(file: string, text: string): string[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const faults: string[] = [];
  const bare = (node: ts.Expression): ts.Expression =>
    ts.isParenthesizedExpression(node) || ts.isAsExpression(node) ? bare(node.expression) : node;
  const look = (node: ts.Node): void => {
    if (ts.isSpreadAssignment(node) || ts.isSpreadElement(node)) {
      const literal = bare(node.expression);
      if (ts.isObjectLiteralExpression(literal) || ts.isArrayLiteralExpression(literal)) {
        const { line } = source.getLineAndCharacterOfPosition(node.getStart());
        faults.push(`${file}:${line + 1} ${node.getText().split('\n')[0]}`);
      }
    }
    ts.forEachChild(node, look);
  };
  look(source);
  return faults;
}

/** Find comments that are fragments: they start with "Of". */
const fragments = (file: string, text: string): string[] =>
  text.split('\n').flatMap((line, i) => {
    const starts = /^\s*(\/\/|\/\*\*?|\*)\s+Of [a-z]/.test(line);
    const continues = /^\s*(\/\/|\*) /.test(text.split('\n')[i - 1] ?? '');
    return starts && !(continues && /^\s*(\/\/|\*)/.test(line) && !/\/\*\*/.test(line))
      ? [`${file}:${i + 1} ${line.trim()}`]
      : [];
  });

/** Find lines of prose over 120 columns; tables, code, links and pictures stay as they are. */
function longLines(file: string, text: string): string[] {
  const prose = text.replace(/^---\n[\s\S]*?^---\n|^ *```[\s\S]*?^ *```/gm, (block) =>
    '\n'.repeat(block.split('\n').length - 1),
  );
  return prose.split('\n').flatMap((line, i) => {
    const kept = /^\s*(\||<|!\[)|\]\([^)]{60,}\)|https?:\/\/\S{60,}/.test(line);
    return line.length > 120 && !kept ? [`${file}:${i + 1} has ${line.length} columns`] : [];
  });
}

const sources = files('*.ts').filter((file) => !/\/assembly\/|\/golden\//.test(file));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

describe('words', () => {
  it('name limits max, min and default, and no module-level name is empty', () => {
    expect(sources.length).toBeGreaterThan(300);
    expect(sources.flatMap((file) => bannedNames(file, read(file)))).toEqual([]);
  });

  it('are written plainly in literals', () => {
    expect(sources.flatMap((file) => spreadLiterals(file, read(file)))).toEqual([]);
  });

  it('make sentences of comments', () => {
    const all = [...sources, ...files('packages/*/assembly/*.ts', 'packages/*/assembly/**/*.ts')];
    expect(all.flatMap((file) => fragments(file, read(file)))).toEqual([]);
  });

  it('keep to 120 columns in prose', () => {
    const pages = files('*.md').filter((file) => !/^benchmarks\/results\/|CHANGELOG/.test(file));
    expect(pages.length).toBeGreaterThan(20);
    expect(pages.flatMap((file) => longLines(file, read(file)))).toEqual([]);
  });

  it('that are banned are found', () => {
    const text = [
      '/** Of each layer. */',
      'export const mostRows = 1;',
      'const total = { ...{ a: 1 } };',
      'function f(lutsUsually: number) { const total = lutsUsually; return total; }',
    ].join('\n');
    expect(bannedNames('a.ts', text)).toEqual([
      'a.ts:2 mostRows',
      'a.ts:3 total',
      'a.ts:4 lutsUsually',
    ]);
    expect(spreadLiterals('a.ts', text)).toEqual(['a.ts:3 ...{ a: 1 }']);
    expect(fragments('a.ts', text)).toEqual(['a.ts:1 /** Of each layer. */']);
    expect(longLines('a.md', 'x'.repeat(121))).toEqual(['a.md:1 has 121 columns']);
  });
});
