/**
 * Mutants of Verilog, each found by `verify` or shown to be equivalent: `pnpm bench:mutants [--count N] [--seed N]
 * [--only unrolled,pipelined,folded] [--out FILE]`. A mutant has one token of the text changed. What `verify` takes for
 * equal is compared with the text it was made of by Yosys's equiv_induct; what that does not show stays open.
 */
import { parseArgs } from 'node:util';
import { type Design, type FoldedDesign, foldedDesign, unrolledDesign } from '@hbnn/circuit';
import { wholeNumber } from '@hbnn/cli/numbers';
import { HbnnError, parseMix, random } from '@hbnn/core';
import { type CheckedModel, randomModel } from '@hbnn/model';
import { writeWhole } from '@hbnn/train/files';
import { findNativeYosys, isDesignFile, NativeRunner, verify, verilogFiles } from '@hbnn/verilog';
import { provenance } from '../results/provenance.ts';

type Files = Readonly<Record<string, string>>;

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: 'unrolled,pipelined,folded' },
    out: { type: 'string' },
  },
});
const [count, seed] = [wholeNumber(values.count, '--count'), wholeNumber(values.seed, '--seed')];

const mix = parseMix('0.6/0.4');
const dense = randomModel(11, { layer: 'dense:10x3', mix });
const conv = randomModel(12, { layer: 'conv:4x3x2,k2x2,o4', mix, mapPer: 'position' });

const designs: Readonly<Record<string, readonly [CheckedModel, Design | FoldedDesign]>> = {
  unrolled: [dense, unrolledDesign(dense)],
  pipelined: [dense, unrolledDesign(dense, { maxLevels: 4 })],
  folded: [conv, foldedDesign(conv, { folds: { layer: { pe: 2, simd: 4 } } })],
};

/** Ways to change one token: what is looked for, and what it becomes. */
const changes: readonly {
  readonly name: string;
  readonly looks: RegExp;
  to(found: RegExpMatchArray, below: (n: number) => number): string;
}[] = [
  {
    name: 'constant',
    looks: /(?<=\d'd)\d+/g,
    to: ([n], below) =>
      `${Number(n) ^ (1 << below(Math.max(1, Math.ceil(Math.log2(Number(n) + 1)))))}`,
  },
  { name: 'bit', looks: /1'b[01]/g, to: ([bit]) => (bit === "1'b0" ? "1'b1" : "1'b0") },
  {
    name: 'operator',
    looks: /(?<= )([&|^]|==|!=|\+|-|<|>)(?= )/g,
    to: ([sign], below) => otherOperator(sign, below),
  },
  { name: 'inverter', looks: /(?<=[ ({])~(?=\w)/g, to: () => '' },
  { name: 'inversion', looks: /(?<= [&|^?:] )(?=[a-z_]+\d*\b(?!'))/g, to: () => '~' },
  { name: 'condition', looks: /(?<=if \()(?=\w)/g, to: () => '!' },
  {
    name: 'width',
    looks: /(?<=^ {2}reg (signed )?\[)[1-9]\d*(?=:0\] \w+;)/gm,
    to: ([n]) => `${Number(n) - 1}`,
  },
  { name: 'assignment', looks: /^ {4,}\w+(\[[\d:]+\])? <= [^;]+;$/gm, to: () => '' },
  {
    name: 'index',
    looks: /(?<=[a-z_]\w*\[)\d+(?=\])/g,
    to: ([n]) => `${Math.max(0, Number(n) - 1) || 1}`,
  },
];

function otherOperator(sign: string, below: (n: number) => number): string {
  const others = { '&': '|^', '|': '&^', '^': '&|', '+': '-', '-': '+' }[sign];
  if (others !== undefined) return others[below(others.length)];
  return { '==': '!=', '!=': '==', '<': '<=', '>': '>=' }[sign] ?? sign;
}

interface Mutant {
  readonly file: string;
  readonly line: number;
  readonly change: string;
  readonly from: string;
  readonly to: string;
  readonly files: Files;
}

/** Change one token of the modules in a file, not of its comments and ports. */
function mutant(files: Files, below: (n: number) => number): Mutant {
  const names = Object.keys(files).filter(isDesignFile);
  for (;;) {
    const file = names[below(names.length)];
    const text = files[file];
    const { name: change, looks, to } = changes[below(changes.length)];
    const places = [...text.matchAll(looks)].filter(({ index }) => isBody(text, index));
    if (places.length === 0) continue;
    const found = places[below(places.length)];
    const other = to(found, below);
    if (other === found[0]) continue;
    const edited = text.slice(0, found.index) + other + text.slice(found.index + found[0].length);
    const line = text.slice(0, found.index).split('\n').length;
    const lineOf = (all: string): string => all.split('\n')[line - 1].trim();
    return {
      file,
      line,
      change,
      from: lineOf(text),
      to: lineOf(edited),
      files: { ...files, [file]: edited },
    };
  }
}

function isBody(text: string, index: number): boolean {
  const line = text.slice(text.lastIndexOf('\n', index) + 1, text.indexOf('\n', index));
  const before = text.slice(0, index);
  const inModule = before.lastIndexOf(');') > before.lastIndexOf('\nmodule');
  return inModule && !/^\s*\/\//.test(line) && !line.includes('unused');
}

const yosys = findNativeYosys();
const runner = new NativeRunner(yosys, 1);

/** Whether Yosys shows two texts to compute the same from cycle to cycle. */
async function isEquivalent(top: string, own: Files, other: Files): Promise<boolean> {
  const read = (side: string, files: Files): string[] => [
    `read_verilog ${Object.keys(files)
      .filter(isDesignFile)
      .map((name) => `${side}_${name}`)
      .join(' ')}`,
    `hierarchy -check -top ${top}`,
    'proc',
    'memory',
    'flatten',
    'opt_clean',
    `rename ${top} ${side}`,
    `design -stash ${side}`,
  ];
  const script = [
    ...read('gold', own),
    ...read('gate', other),
    'design -copy-from gold -as gold gold',
    'design -copy-from gate -as gate gate',
    'equiv_make gold gate both',
    'hierarchy -top both',
    'opt_clean',
    'equiv_struct',
    'equiv_simple -seq 3',
    'equiv_induct -seq 4',
    'equiv_status -assert',
  ];
  const named = (side: string, files: Files): [string, string][] =>
    Object.entries(files).map(([name, text]) => [`${side}_${name}`, text]);
  const files = Object.fromEntries([...named('gold', own), ...named('gate', other)]);
  try {
    await runner.run({ name: top, script: `${script.join('\n')}\n`, files, maxSeconds: 60 });
    return true;
  } catch (error) {
    if (error instanceof HbnnError) return false;
    throw error;
  }
}

interface Row {
  readonly kind: string;
  readonly file: string;
  readonly line: number;
  readonly change: string;
  readonly from: string;
  readonly to: string;
  readonly result: 'differs' | 'refused' | 'equivalent' | 'open';
  /** The layer that differs, or what was said. */
  readonly by: string;
}

async function judged(kind: string, i: number): Promise<Row> {
  const [model, design] = designs[kind];
  const own = verilogFiles(design);
  const rng = random(seed, 'mutants', kind, i);
  const { files, ...place } = mutant(own, rng.below);
  const row = { kind, ...place };
  try {
    const { equal, difference } = await verify(model, design, files, { images: 64 });
    if (!equal)
      return { ...row, result: 'differs', by: `${difference?.layer}: ${difference?.output}` };
  } catch (error) {
    if (!(error instanceof HbnnError)) throw error;
    return { ...row, result: 'refused', by: error.message.slice(0, 120) };
  }
  const same = await isEquivalent(design.top, own, files);
  return { ...row, result: same ? 'equivalent' : 'open', by: same ? 'equiv_induct' : 'nothing' };
}

const kinds = values.only.split(',');
for (const kind of kinds)
  if (designs[kind] === undefined)
    throw new HbnnError(
      `--only: expected ${Object.keys(designs).join(', ')}, got '${kind}'; name some of these`,
    );
const rows: Row[] = [];
for (let i = 0; i < count; i++) {
  const row = await judged(kinds[i % kinds.length], Math.floor(i / kinds.length));
  rows.push(row);
  process.stderr.write(
    `${i + 1}/${count} ${row.kind} ${row.file}:${row.line} ${row.change}: ${row.result}, ${row.by}\n`,
  );
}
const totals = Object.fromEntries(
  kinds.map((kind) => {
    const own = rows.filter((row) => row.kind === kind);
    const of = (result: Row['result']): number => own.filter((row) => row.result === result).length;
    return [
      kind,
      {
        mutants: own.length,
        differs: of('differs'),
        refused: of('refused'),
        equivalent: of('equivalent'),
        open: of('open'),
      },
    ];
  }),
);
const command = `bench:mutants --count ${count} --seed ${seed} --only ${values.only}`;
const result = { bench: 'mutants', provenance: provenance(yosys.version, command), totals, rows };
if (values.out !== undefined) writeWhole(values.out, `${JSON.stringify(result, null, 2)}\n`);
process.stdout.write(`${JSON.stringify(totals, null, 2)}\n`);
