// `pnpm bench:rtl [--target xc7] [--fit] [--layers N] [--networks N] [--first SEED] [--held-out N] [--save]`: synthesize
// the Verilog of folded designs module by module with the machine's Yosys, beside what the estimator says of it. --fit
// synthesizes random layers and networks and prints coefficients for packages/estimator/src/rtl/rtlCoefficients.ts;
// without it networks that no fit has seen are judged, the trained ones of the documentation among them.
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
import { saveRows } from '../results/storedRows.ts';
import {
  type DrawnDesign,
  drawnLayer,
  drawnNetwork,
  oneLaneNetwork,
  trainedDesigns,
} from './rtl/rtlDesigns.ts';

const { values } = scriptOptions(import.meta.url, {
  options: {
    target: { type: 'string', default: 'xc7' },
    fit: { type: 'boolean', default: false },
    layers: { type: 'string', default: '40' },
    networks: { type: 'string', default: '30' },
    first: { type: 'string', default: '1000' },
    'held-out': { type: 'string', default: '20' },
    save: { type: 'boolean', default: false },
  },
});

const families = ['xc7', 'ice40', 'ecp5'] as const satisfies readonly Family[];
const family = chosenName(values.target, families, '--target');
const layerCount = seedNumber(values.layers, '--layers');
const networkCount = seedNumber(values.networks, '--networks');
const heldOutCount = seedNumber(values['held-out'], '--held-out');
const first = seedNumber(values.first, '--first', Math.max(1, heldOutCount));
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

/** Text that a design may have: more takes minutes to synthesize. */
const maxLetters = 3e6;

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
}

async function fit(): Promise<void> {
  const measured: MeasuredModule[] = [];
  const meter = progressMeter('bench:rtl:');
  let done = 0;
  for (const drawn of trainingSet()) {
    const found = await synthesized(drawn);
    meter.update(++done, layerCount + networkCount, 'designs');
    if (found === undefined) continue;
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

const oneLaneSeeds = [103, 107, 112] as const;

function* heldOutSet(): Generator<DrawnDesign> {
  yield* trainedDesigns(style);
  for (const seed of oneLaneSeeds) yield oneLaneNetwork(seed, style);
  for (let n = 0; n < heldOutCount; n++) yield drawnNetwork(first + n, style);
}

const percent = (estimate: number, measured: number): number =>
  Number((100 * (estimate / Math.max(1, measured) - 1)).toFixed(1));

async function judge(): Promise<void> {
  const rows: Record<string, string | number>[] = [];
  for (const drawn of heldOutSet()) {
    const found = await synthesized(drawn);
    if (found === undefined) continue;
    const said = estimateRtl(drawn.design, family);
    const row = {
      target: values.target,
      network: found.name,
      luts: found.luts + found.memoryLuts,
      lutsPercent: percent(said.luts.value + said.memoryLuts.value, found.luts + found.memoryLuts),
      flipFlops: found.flipFlops,
      flipFlopsPercent: percent(said.flipFlops.value, found.flipFlops),
      blockRams: found.blockRams,
      blockRamsSaid: said.blockRams.value,
    };
    console.log(JSON.stringify(row));
    rows.push(row);
  }
  const spread = (name: 'lutsPercent' | 'flipFlopsPercent') => {
    const sizes = rows.map((row) => Math.abs(Number(row[name]))).sort((a, b) => a - b);
    return { median: sizes[Math.floor((sizes.length - 1) / 2)], worst: sizes[sizes.length - 1] };
  };
  console.table({ luts: spread('lutsPercent'), flipFlops: spread('flipFlopsPercent') });
  console.log(
    `block RAMs: ${rows.filter((row) => row.blockRams === row.blockRamsSaid).length} of ${rows.length} networks as said`,
  );
  if (values.save) saveRows('hardware', 'rtl', 'none needed', rows);
}

if (values.fit) await fit();
else await judge();
