// `pnpm bench:rtl [--target xc7|ecp5|ice40] [--fit] [--layers N] [--networks N] [--one-lane N] [--narrow N]
// [--max-letters N] [--first SEED] [--held-out N] [--estimates] [--save]`: synthesize the Verilog of folded designs module
// by module with the machine's Yosys, beside what the estimator says of it. --fit synthesizes random layers and networks,
// networks on one lane per layer, and CNV with a quarter of its channels (--narrow), and prints coefficients for
// packages/estimator/src/rtl/rtlCoefficients.ts, and how far each design is off with those of now. Without it networks
// that no fit has seen are judged, the trained ones of the documentation among them. --max-letters leaves out designs with
// a longer text. --save keeps the rows in rtl.json, or rtl-ecp5.json and rtl-ice40.json; --estimates judges what is kept
// there, without synthesizing it again.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Family, fabrics, familyFabrics } from '@hbnn/circuit';
import { seedNumber } from '@hbnn/cli/numbers';
import { progressMeter } from '@hbnn/cli/progress';
import { scriptOptions } from '@hbnn/cli/scriptOptions';
import { chosenName, HbnnError } from '@hbnn/core';
import {
  estimateRtl,
  fitRtl,
  type MeasuredModule,
  type RtlModule,
  rtlModules,
} from '@hbnn/estimator';
import { writeWhole } from '@hbnn/train/files';
import {
  findNativeYosys,
  type ModuleCost,
  NativeRunner,
  synthesisTarget,
  synthesize,
  verilogFiles,
} from '@hbnn/verilog';
import { provenance } from '../results/provenance.ts';
import { saveRows } from '../results/storedRows.ts';
import {
  type DrawnDesign,
  drawnLayer,
  drawnNetwork,
  narrowNetwork,
  oneLaneNetwork,
  trainedDesigns,
} from './rtl/rtlDesigns.ts';

const { values } = scriptOptions(import.meta.url, {
  options: {
    target: { type: 'string', default: 'xc7' },
    fit: { type: 'boolean', default: false },
    layers: { type: 'string', default: '40' },
    networks: { type: 'string', default: '30' },
    'one-lane': { type: 'string', default: '8' },
    narrow: { type: 'string', default: '4' },
    'max-letters': { type: 'string', default: '3000000' },
    estimates: { type: 'boolean', default: false },
    first: { type: 'string', default: '1000' },
    'held-out': { type: 'string', default: '20' },
    save: { type: 'boolean', default: false },
  },
});

const families = ['xc7', 'ice40', 'ecp5'] as const satisfies readonly Family[];
const family = chosenName(values.target, families, '--target');
const layerCount = seedNumber(values.layers, '--layers');
const networkCount = seedNumber(values.networks, '--networks');
const oneLaneCount = seedNumber(values['one-lane'], '--one-lane');
const narrowCount = seedNumber(values.narrow, '--narrow');
/** Text that a design may have: more takes minutes to synthesize. */
const maxLetters = seedNumber(values['max-letters'], '--max-letters');
const heldOutCount = seedNumber(values['held-out'], '--held-out');
const first = seedNumber(values.first, '--first', Math.max(1, heldOutCount));
const trainingCount = layerCount + networkCount + oneLaneCount + narrowCount;
if (values.fit && layerCount + networkCount === 0)
  throw new HbnnError(
    '--fit: expected layers or networks to fit to, got none; give --layers or --networks above 0',
  );
const { style, tableInputs } = fabrics[familyFabrics[family]];
const folder = fileURLToPath(new URL('../../../.cache/rtl/', import.meta.url));
mkdirSync(folder, { recursive: true });
const yosys = findNativeYosys();
const runner = new NativeRunner(yosys);
const fileOf = (key: string): string =>
  join(folder, `${createHash('sha256').update(key).digest('hex')}.json`);

interface Synthesized {
  readonly name: string;
  readonly modules: ReadonlyMap<string, ModuleCost>;
  readonly luts: number;
  readonly flipFlops: number;
  readonly blockRams: number;
  readonly memoryLuts: number;
}

/** Synthesize a design, keeping what each module takes; undefined where its text is too long. */
async function synthesized({ name, design }: DrawnDesign): Promise<Synthesized | undefined> {
  const files = verilogFiles(design);
  const letters = Object.values(files).reduce((sum, text) => sum + text.length, 0);
  if (letters > maxLetters) return undefined;
  const modules = new Map<string, ModuleCost>();
  const keep = (costs: readonly ModuleCost[]): void => {
    for (const cost of costs) modules.set(cost.module, cost);
  };
  const cache = {
    read: (key: string): ModuleCost[] | undefined => {
      if (!existsSync(fileOf(key))) return undefined;
      const costs = JSON.parse(readFileSync(fileOf(key), 'utf8')) as ModuleCost[];
      keep(costs);
      return costs;
    },
    write: (key: string, costs: ModuleCost[]): void => {
      keep(costs);
      writeWhole(fileOf(key), JSON.stringify(costs));
    },
  };
  const target = synthesisTarget(values.target, (file) => {
    throw new HbnnError(`${file}: expected no library`);
  });
  const {
    luts,
    flipFlops,
    blockRams = 0,
    memoryLuts = 0,
  } = await synthesize(files, design.top, target, { cache, runner, runnerName: yosys.version });
  return { name, modules, luts, flipFlops, blockRams, memoryLuts };
}

function* trainingSet(): Generator<DrawnDesign> {
  for (let seed = 0; seed < layerCount; seed++) yield drawnLayer(seed, style);
  for (let seed = 0; seed < networkCount; seed++) yield drawnNetwork(seed, style);
  for (let seed = 0; seed < oneLaneCount; seed++) yield oneLaneNetwork(seed, style);
  for (let seed = 0; seed < narrowCount; seed++) yield narrowNetwork(seed, style);
}

async function fit(): Promise<void> {
  const measured: MeasuredModule[] = [];
  const meter = progressMeter('bench:rtl:');
  let done = 0;
  for (const drawn of trainingSet()) {
    const found = await synthesized(drawn);
    meter.update(++done, trainingCount, 'designs');
    if (found === undefined) continue;
    const { value } = estimateRtl(drawn.design, family).luts;
    console.log(`${drawn.name}: ${found.luts} LUTs, estimate ${percent(value, found.luts)} %`);
    for (const module of rtlModules(drawn.design, { family, tableInputs })) {
      const cost = found.modules.get(module.module);
      if (cost !== undefined) measured.push({ ...kindAndParts(module), luts: cost.luts });
    }
  }
  meter.stop();
  console.log(`${measured.length} modules`);
  console.log(JSON.stringify(fitRtl(measured), undefined, 1));
}

const kindAndParts = ({ kind, parts }: RtlModule) => ({ kind, parts });

/** Seeds of networks on one lane per layer that no fit sees. */
const oneLaneSeeds = [103, 107, 112] as const;

function* heldOutSet(): Generator<DrawnDesign> {
  yield* trainedDesigns(style);
  for (const seed of oneLaneSeeds) yield oneLaneNetwork(seed, style);
  for (let n = 0; n < heldOutCount; n++) yield drawnNetwork(first + n, style);
}

const percent = (estimate: number, measured: number): number =>
  Number((100 * (estimate / Math.max(1, measured) - 1)).toFixed(1));

interface JudgedRow {
  readonly target: string;
  readonly network: string;
  /** The commit whose Verilog was synthesized. */
  readonly commit: string;
  readonly luts: number;
  readonly lutsPercent: number;
  readonly flipFlops: number;
  readonly flipFlopsPercent: number;
  readonly blockRams: number;
  readonly blockRamsSaid: number;
}

type JudgedSize = Pick<JudgedRow, 'commit' | 'luts' | 'flipFlops' | 'blockRams'>;

/** What a design's synthesis counted, beside what is said of it. */
function judged({ name, design }: DrawnDesign, size: JudgedSize): JudgedRow {
  const said = estimateRtl(design, family);
  const row = {
    target: values.target,
    network: name,
    commit: size.commit,
    luts: size.luts,
    lutsPercent: percent(said.luts.value + said.memoryLuts.value, size.luts),
    flipFlops: size.flipFlops,
    flipFlopsPercent: percent(said.flipFlops.value, size.flipFlops),
    blockRams: size.blockRams,
    blockRamsSaid: said.blockRams.value,
  };
  console.log(JSON.stringify(row));
  return row;
}

async function synthesizedRows(): Promise<JudgedRow[]> {
  const rows: JudgedRow[] = [];
  const { commit } = provenance('none', 'pnpm bench:rtl');
  for (const drawn of heldOutSet()) {
    const found = await synthesized(drawn);
    if (found === undefined) continue;
    rows.push(judged(drawn, { ...found, commit, luts: found.luts + found.memoryLuts }));
  }
  return rows;
}

/** The kept rows with estimates of now, of the circuits that were synthesized then. */
function estimatedRows(): JudgedRow[] {
  const kept = storedRtl();
  const rows: JudgedRow[] = [];
  for (const drawn of heldOutSet()) {
    const row = kept.find(({ network }) => network === drawn.name);
    if (row !== undefined) rows.push(judged(drawn, row));
  }
  return rows;
}

/** The family's own results. */
const resultsName = family === 'xc7' ? 'rtl' : `rtl-${family}`;

/** The rows that were kept; those without a commit of their own are of the file's. */
function storedRtl(): readonly JudgedRow[] {
  const file = new URL(`../../results/hardware/${resultsName}.json`, import.meta.url);
  const { provenance: made, rows } = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly provenance: { readonly commit: string };
    readonly rows: readonly JudgedRow[];
  };
  return rows.map((row) => ({ ...row, commit: row.commit ?? made.commit }));
}

async function judge(): Promise<void> {
  const rows = values.estimates ? estimatedRows() : await synthesizedRows();
  const spread = (name: 'lutsPercent' | 'flipFlopsPercent') => {
    const sizes = rows.map((row) => Math.abs(Number(row[name]))).sort((a, b) => a - b);
    return { median: sizes[Math.floor((sizes.length - 1) / 2)], worst: sizes[sizes.length - 1] };
  };
  console.table({ luts: spread('lutsPercent'), flipFlops: spread('flipFlopsPercent') });
  console.log(
    `block RAMs: ${rows.filter((row) => row.blockRams === row.blockRamsSaid).length} of ${rows.length} networks as said`,
  );
  if (values.save) saveRows('hardware', 'rtl', 'none needed', rows, { file: resultsName });
}

if (values.fit) await fit();
else await judge();
