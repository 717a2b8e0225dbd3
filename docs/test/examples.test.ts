// The code blocks of the pages, run as a reader would paste them: `pnpm docs:examples`. Commands (```sh) run page by
// page in one folder, TypeScript (```ts) each block by itself. A block marked `no-run` needs more than a checkout.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const docs = fileURLToPath(new URL('..', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));
const flags = ['--conditions=hbnn-source', '--import', 'tsx'];

interface Block {
  readonly language: string;
  readonly run: boolean;
  readonly code: string;
  readonly line: number;
}

function blocksOf(file: string): Block[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/^```(\w+)([^\n]*)\n([\s\S]*?)^```$/gm)].map(
    ({ 1: language, 2: rest, 3: code, index }) => ({
      language,
      run: !rest.includes('no-run'),
      code,
      line: text.slice(0, index).split('\n').length,
    }),
  );
}

/** A line without what differs from run to run: times, speeds, and how many spaces part two columns. */
const lasting = (line: string, isTimed: boolean): string =>
  line
    .replace(/\d[\d,.]*\s?(?=(s|ms|µs|min|seconds|images\/s)\b)/g, '0 ')
    .replace(isTimed ? /\d+\.\d+/g : /$^/, '0')
    .replace(/\s+/g, ' ')
    .trim();

/** Whether a line is as shown, where … stands for what is left out. */
const isAsShown = (shown: string, line: string): boolean =>
  new RegExp(
    `^${shown
      .split('…')
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
  ).test(line);

/** The first line of a shown output that a command did not print after those before it; … stands for lines left out. */
function missingLine(shown: string, printed: string): string | undefined {
  // A column of seconds has numbers alone.
  const isTimed = /\bseconds\b/.test(shown);
  const lines = printed.split('\n').map((line) => lasting(line, isTimed));
  let from = 0;
  for (const line of shown.split('\n').map((text) => lasting(text, isTimed))) {
    if (line === '' || line === '…') continue;
    const at = lines.findIndex((printedLine, i) => i >= from && isAsShown(line, printedLine));
    if (at < 0) return line;
    from = at + 1;
  }
  return undefined;
}

/** Whether a heading stands between two lines: what follows it is no output of what comes before it. */
const isParted = (text: string, from: number, to: number): boolean =>
  text
    .split('\n')
    .slice(from, to)
    .some((line) => /^#+ /.test(line));

/** A picture of a page, and the file that the commands of the page make. */
const picturesMade = /!\[[^\]]*\]\(\.\/(pictures\/[\w-]+\.svg)\)\n<!-- made: (\S+) -->/g;

const allPages = ['guide', 'reference', 'playground', '.']
  .flatMap((folder) =>
    readdirSync(join(docs, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name)),
  )
  .map((page) => {
    const file = join(docs, page);
    return { page, text: readFileSync(file, 'utf8'), blocks: blocksOf(file) };
  });
const pages = allPages.filter(({ blocks }) =>
  blocks.some(({ language }) => language === 'sh' || language === 'ts'),
);

/** A folder with a `pnpm` that runs the command from its sources. */
function commandFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hbnn-docs-bin-'));
  const hbnn = [process.execPath, ...flags, join(root, 'packages/cli/src/main.ts')];
  const script = `#!/bin/sh
while [ "$1" != hbnn ]; do
  [ $# -gt 0 ] || { echo 'expected: pnpm -s hbnn …' >&2; exit 64; }
  shift
done
shift
exec ${hbnn.map((part) => `'${part}'`).join(' ')} "$@"
`;
  writeFileSync(join(folder, 'pnpm'), script);
  chmodSync(join(folder, 'pnpm'), 0o755);
  return folder;
}

const hasCompiler = spawnSync('gcc', ['--version']).status === 0;

/** A page's C is a program with the header that its commands wrote. */
function expectCompiles(folder: string, code: string, line: number): void {
  if (!hasCompiler) return;
  const asked = [
    '-std=c99',
    '-pedantic',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-fsyntax-only',
    '-xc',
    '-',
  ];
  const { status, stderr } = spawnSync('gcc', asked, {
    cwd: folder,
    input: code,
    encoding: 'utf8',
  });
  expect(status, `line ${line}: ${stderr}`).toBe(0);
}

/** A page's Verilog is part of a file that its commands wrote. */
function expectGenerated(folder: string, code: string, line: number): void {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.v'))
    .map((name) => readFileSync(join(folder, name), 'utf8'));
  expect(
    files.some((text) => text.includes(code)),
    `line ${line}:\n${code}`,
  ).toBe(true);
}

describe.each(pages)('$page', ({ text, blocks }) => {
  const commands = blocks.filter(({ language, run }) => run && language === 'sh');
  it.runIf(commands.length > 0)('its commands run in order', { timeout: 600_000 }, () => {
    const bin = commandFolder();
    const folder = mkdtempSync(join(tmpdir(), 'hbnn-docs-'));
    try {
      // tsx is found from the repository.
      mkdirSync(join(folder, 'node_modules'));
      const env = {
        ...process.env,
        PATH: `${bin}${delimiter}${process.env.PATH}`,
        NODE_PATH: join(root, 'node_modules'),
      };
      spawnSync('ln', [
        '-s',
        join(root, 'node_modules', 'tsx'),
        join(folder, 'node_modules', 'tsx'),
      ]);
      for (const block of commands) {
        const { code, line } = block;
        const { status, stderr, stdout } = spawnSync('bash', ['-e', '-c', code], {
          cwd: folder,
          env,
          encoding: 'utf8',
        });
        expect(
          status,
          `line ${line}:\n${code}\n${stdout.slice(-2000)}\n${stderr.slice(-2000)}`,
        ).toBe(0);
        const printed = `${stderr}\n${stdout}`;
        const after = line + code.split('\n').length;
        for (const next of blocks.slice(blocks.indexOf(block) + 1)) {
          if (next.language !== 'txt' || isParted(text, after, next.line)) break;
          if (!next.run) continue;
          const missing = missingLine(next.code, printed);
          expect
            .soft(missing, `line ${next.line}: of these lines\n${printed}\nnone is`)
            .toBeUndefined();
        }
      }
      for (const { language, code, line } of blocks) {
        if (language === 'c') expectCompiles(folder, code, line);
        if (language === 'verilog') expectGenerated(folder, code, line);
      }
      for (const { 1: picture, 2: made } of text.matchAll(picturesMade))
        expect(readFileSync(join(folder, made), 'utf8')).toBe(
          readFileSync(join(docs, 'guide', picture), 'utf8'),
        );
    } finally {
      rmSync(folder, { recursive: true });
      rmSync(bin, { recursive: true });
    }
  });

  const scripts = blocks.filter(({ language, run }) => run && language === 'ts');
  it.runIf(scripts.length > 0)('its TypeScript is right and runs', { timeout: 600_000 }, () => {
    const folder = mkdtempSync(join(docs, '.examples-'));
    try {
      scripts.forEach(({ code }, i) => {
        writeFileSync(join(folder, `example${i}.ts`), `${code}\nexport {};\n`);
      });
      const config = { extends: '../../tsconfig.base.json', include: ['*.ts'] };
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
      const types = spawnSync('npx', ['tsc', '-p', folder], { cwd: docs, encoding: 'utf8' });
      expect(types.stdout).toBe('');
      scripts.forEach(({ line }, i) => {
        const file = join(folder, `example${i}.ts`);
        const ran = spawnSync(process.execPath, [...flags, file], {
          cwd: folder,
          encoding: 'utf8',
        });
        expect(ran.status, `line ${line}: ${ran.stderr}`).toBe(0);
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

/** What the blocks for web pages and programs take from around them. */
const around = `
import type { loadModel as load } from '@hbnn/wasm';
import type { quantize as quantizeModel } from '@hbnn/train';
declare global {
  const network: Awaited<ReturnType<typeof load>>;
  const loadModel: typeof load;
  const canvas: HTMLCanvasElement;
  const input: HTMLInputElement;
  const video: HTMLVideoElement;
  const bytes: Uint8Array;
  const manyImages: Uint8Array;
  const quantize: typeof quantizeModel;
  const model: Parameters<typeof quantizeModel>[0];
  const train: Parameters<typeof quantizeModel>[1];
}
`;

describe('blocks that no test can run', () => {
  const others = allPages.flatMap(({ page, blocks }) =>
    blocks.map((block) => ({ page, ...block })),
  );
  const scripts = others.filter(
    ({ language, run }) => language === 'js' || (language === 'ts' && !run),
  );

  it('scripts of pages have the right types', { timeout: 120_000 }, () => {
    expect(scripts.length).toBeGreaterThan(5);
    const folder = mkdtempSync(join(docs, '.examples-'));
    try {
      writeFileSync(join(folder, 'around.d.ts'), around);
      const names = new Map(
        scripts.map(({ page, line }, i) => [`example${i}.ts`, `${page}, block of line ${line}`]),
      );
      [...names.keys()].forEach((name, i) => {
        writeFileSync(join(folder, name), `${scripts[i].code}\nexport {};\n`);
      });
      // A page's script is JavaScript: whether something may be null is not asked.
      const config = {
        extends: '../../tsconfig.base.json',
        compilerOptions: { strict: false, lib: ['ES2023', 'DOM', 'DOM.Iterable'] },
        include: ['*.ts'],
      };
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
      const { stdout } = spawnSync('npx', ['tsc', '-p', folder], { cwd: docs, encoding: 'utf8' });
      // The packages' sources are checked elsewhere, and more strictly.
      const faults = stdout.split('\n').filter((line) => /example\d+\.ts/.test(line));
      expect(
        faults.map((line) =>
          line.replace(/^\S*(example\d+\.ts)/, (_, name) => `${names.get(name)}`),
        ),
      ).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each(others.filter(({ language }) => language === 'json'))(
    '$page, line $line: is JSON',
    ({ code }) => {
      expect(JSON.parse(code)).toBeTypeOf('object');
    },
  );

  const hasPython = spawnSync('python3', ['--version']).status === 0;
  it.runIf(hasPython).each(others.filter(({ language }) => language === 'python'))(
    '$page, line $line: is Python',
    ({ code }) => {
      const compiled = 'import sys; compile(sys.stdin.read(), "block", "exec")';
      const { stderr, status } = spawnSync('python3', ['-c', compiled], {
        encoding: 'utf8',
        input: code,
      });
      expect(status, stderr).toBe(0);
    },
  );
});
