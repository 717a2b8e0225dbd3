/**
 * Mutants of Verilog, each found by `verify` or shown to be equivalent: `pnpm bench:mutants [--count N] [--seed N]
 * [--only unrolled,pipelined,folded,grouped] [--again FILE] [--out FILE]`. --count is their number (default 200), --seed
 * draws them (default 1). --out is a file for the results; with --again what such a file has found is kept.
 *
 * A mutant has one token of the text changed. What `verify` takes for equal is compared with the text it was made of by
 * abc's pdr (a native Yosys has both), and then proved against the model; what neither shows stays open.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  beatWidth,
  type Design,
  type FoldedDesign,
  foldedDesign,
  unrolledDesign,
} from '@hbnn/circuit';
import { positiveNumber, seedNumber } from '@hbnn/cli/numbers';
import { unreadable } from '@hbnn/cli/readers';
import { scriptOptions } from '@hbnn/cli/scriptOptions';
import { chosenName, HbnnError, parseMix, random } from '@hbnn/core';
import { type CheckedModel, randomModel } from '@hbnn/model';
import { checkFolderOf, writeWhole } from '@hbnn/train/files';
import {
  findNativeYosys,
  isDesignFile,
  NativeRunner,
  prove,
  verify,
  verilogFiles,
} from '@hbnn/verilog';
import { groupedModel } from '../networks/groupedModel.ts';
import { provenance } from '../results/provenance.ts';

type Files = Readonly<Record<string, string>>;

const { values } = scriptOptions(import.meta.url, {
  options: {
    count: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: 'unrolled,pipelined,folded,grouped' },
    again: { type: 'string' },
    out: { type: 'string' },
  },
});
const designNames = ['unrolled', 'pipelined', 'folded', 'grouped'] as const;
type DesignName = (typeof designNames)[number];

const count = positiveNumber(values.count, '--count');
const seed = seedNumber(values.seed, '--seed');
const kinds = values.only.split(',').map((name) => chosenName(name, designNames, '--only'));
const keptRows = values.again === undefined ? [] : rowsIn(values.again);
if (values.out !== undefined) checkFolderOf(values.out);

const mix = parseMix('0.6/0.4');
const dense = randomModel(11, { layer: 'dense:10x3', mix });
const conv = randomModel(12, { layer: 'conv:4x3x2,k2x2,o4', mix, mapPer: 'position' });
const grouped = groupedModel(13);
const groupedFolds = {
  first: { pe: 1, simd: 4 },
  second: { pe: 1, simd: 8 },
  last: { pe: 1, simd: 4 },
} as const;

const designs: Readonly<Record<DesignName, readonly [CheckedModel, Design | FoldedDesign]>> = {
  unrolled: [dense, unrolledDesign(dense)],
  pipelined: [dense, unrolledDesign(dense, { maxLevels: 4 })],
  folded: [conv, foldedDesign(conv, { folds: { layer: { pe: 2, simd: 4 } } })],
  grouped: [grouped, foldedDesign(grouped, { folds: groupedFolds })],
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

/** A top module whose reset is on for the first two cycles and off from then on; none for logic that has no reset. */
function wrapper(design: Design | FoldedDesign): string | undefined {
  if (design.kind === 'unrolled') return undefined;
  const { top, input, scores, classes } = design;
  const user = Math.max(1, Math.ceil(Math.log2(classes.length)));
  return `module resetting (input wire aclk, input wire [${beatWidth(input) - 1}:0] s_axis_tdata, input wire s_axis_tvalid,
    input wire m_axis_tready, output wire s_axis_tready, m_axis_tvalid, m_axis_tlast,
    output wire [${32 * scores.each - 1}:0] m_axis_tdata, output wire [${user - 1}:0] m_axis_tuser);
  reg [1:0] cycles = 2'd0;
  always @(posedge aclk) if (cycles != 2'd2) cycles <= cycles + 2'd1;
  wire [${32 * scores.each - 1}:0] data;
  wire [${user - 1}:0] number;
  // What a beat carries counts where there is one.
  assign m_axis_tdata = m_axis_tvalid ? data : 0;
  assign m_axis_tuser = m_axis_tvalid & m_axis_tlast ? number : 0;
  wire last;
  assign m_axis_tlast = m_axis_tvalid & last;
  ${top} dut (.aclk(aclk), .aresetn(cycles == 2'd2), .s_axis_tdata(s_axis_tdata), .s_axis_tvalid(s_axis_tvalid),
      .s_axis_tready(s_axis_tready), .m_axis_tdata(data), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready),
      .m_axis_tuser(number), .m_axis_tlast(last));
endmodule
`;
}

/**
 * Whether abc's property-directed reachability shows that two texts give the same in every cycle, for all inputs, from
 * registers of 0 on and, where there is a reset, two cycles of it.
 */
async function isEquivalent(
  design: Design | FoldedDesign,
  own: Files,
  other: Files,
): Promise<boolean> {
  const around = wrapper(design);
  const top = around === undefined ? design.top : 'resetting';
  const named = (side: string, files: Files): [string, string][] =>
    Object.entries({ ...files, ...(around !== undefined && { 'resetting.v': around }) }).map(
      ([name, text]) => [`${side}_${name}`, text],
    );
  const read = (side: string, files: Files): string[] => [
    `read_verilog ${named(side, files)
      .map(([name]) => name)
      .filter((name) => name.endsWith('.v'))
      .join(' ')}`,
    `hierarchy -check -top ${top}`,
    'proc',
    'memory',
    'flatten',
    `rename ${top} ${side}`,
    `design -stash ${side}`,
  ];
  const script = [
    ...read('gold', own),
    ...read('gate', other),
    'design -copy-from gold -as gold gold',
    'design -copy-from gate -as gate gate',
    'miter -equiv -flatten gold gate both',
    'hierarchy -top both',
    'opt -full',
    'techmap',
    'setundef -zero',
    // Registers are plain ones that start at 0.
    'zinit -all',
    'dfflegalize -cell $_DFF_P_ 01',
    'techmap',
    'opt_clean',
    'aigmap',
    'write_blif',
  ];
  const files = Object.fromEntries([...named('gold', own), ...named('gate', other)]);
  const job = { name: design.top, script: `${script.join('\n')}\n`, files, maxSeconds: 600 };
  const { output } = await runner.run(job);
  const folder = mkdtempSync(join(tmpdir(), 'hbnn-mutant-'));
  try {
    const file = join(folder, 'both.blif');
    writeFileSync(file, output);
    const steps = `read_blif ${file}; strash; scorr; pdr -T 20`;
    const { stdout } = spawnSync('yosys-abc', ['-c', steps], { encoding: 'utf8' });
    return /Property proved|Networks are equivalent|miter is UNSAT/i.test(stdout);
  } finally {
    rmSync(folder, { recursive: true });
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

/** Mutants that somebody looked at, and why they change nothing. The proof assumes a reset of one cycle, not of two. */
const inspected: readonly { readonly from: string; readonly to: string; readonly why: string }[] = [
  {
    from: "valid_1 <= 1'b0;",
    to: "valid_1 <= 1'b1;",
    why: 'by inspection: in reset last_1 becomes 0, so that nothing is written, and sums begin anew at first',
  },
];

/** What results of --again found of mutants that `verify` does not take for equal. */
function rowsIn(file: string): readonly Row[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new HbnnError(`--again: ${unreadable(file, error).message}`);
  }
  const rows = resultsOf(text);
  if (rows !== undefined)
    return rows.filter(({ result }) => result === 'differs' || result === 'refused');
  throw new HbnnError(
    `--again: expected results of bench:mutants, got another file, ${file}; give one that --out has written`,
  );
}

function resultsOf(text: string): readonly Row[] | undefined {
  try {
    const { bench, rows } = JSON.parse(text) as { bench?: unknown; rows?: Row[] };
    const isResults = bench === 'mutants' && rows?.every(({ result }) => result !== undefined);
    return isResults ? rows : undefined;
  } catch {
    return undefined;
  }
}

async function judged(kind: DesignName, i: number): Promise<Row> {
  const [model, design] = designs[kind];
  const own = verilogFiles(design);
  const rng = random(seed, 'mutants', kind, i);
  const { files, ...place } = mutant(own, rng.below);
  const row = { kind, ...place };
  const kept = keptRows.find(
    (each) =>
      each.kind === kind &&
      each.file === row.file &&
      each.line === row.line &&
      each.from === row.from &&
      each.to === row.to,
  );
  if (kept !== undefined) return kept;
  try {
    const { equal, difference } = await verify(model, design, files, { images: 64 });
    if (!equal)
      return { ...row, result: 'differs', by: `${difference?.layer}: ${difference?.output}` };
  } catch (error) {
    if (!(error instanceof HbnnError)) throw error;
    return { ...row, result: 'refused', by: error.message.slice(0, 120) };
  }
  if (await isEquivalent(design, own, files)) return { ...row, result: 'equivalent', by: 'pdr' };
  const seen = inspected.find(({ from, to }) => from === row.from && to === row.to);
  if (seen !== undefined) return { ...row, result: 'equivalent', by: seen.why };
  const { proved } = await prove(model, design, files);
  return { ...row, result: proved ? 'equivalent' : 'open', by: proved ? 'proof' : 'nothing' };
}

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
const again = values.again === undefined ? '' : ' --again';
const command = `bench:mutants --count ${count} --seed ${seed} --only ${values.only}${again}`;
const result = { bench: 'mutants', provenance: provenance(yosys.version, command), totals, rows };
if (values.out !== undefined) writeWhole(values.out, `${JSON.stringify(result, null, 2)}\n`);
process.stdout.write(`${JSON.stringify(totals, null, 2)}\n`);
