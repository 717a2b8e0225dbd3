/**
 * Area of layers of VGG-8 and MobileNet by synthesis, beside the estimate: one place of a layer, a slice of its outputs,
 * random weights of 1, 1.2, 1.4 and 2 bits.
 *
 *     pnpm bench:layers [--json] [--save] [--liberty FILE] [--outputs 16]
 *
 * LUTs of Xilinx 7, and sites, two small tables in one; with --liberty also gate equivalents of that library's cells.
 * Times are of the whole model, thresholds and scores too, on as many cores as there are: the estimate's the median of nine models like it after forty.
 * Outputs share sums a few at a time, so that a slice's area per output is near the whole's. Finished rows are kept in
 * .cache/layers: Ctrl-C costs one layer.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unrolledDesign } from '@hbnn/circuit';
import { positiveNumber } from '@hbnn/cli/numbers';
import { progressMeter } from '@hbnn/cli/progress';
import { readCellFile, readLibertyFile } from '@hbnn/cli/readers';
import { scriptOptions } from '@hbnn/cli/scriptOptions';
import { HbnnError, parseMapPer, parseMix } from '@hbnn/core';
import { unrolledArea } from '@hbnn/estimator';
import { type CheckedModel, randomModel } from '@hbnn/model';
import { writeWhole } from '@hbnn/train/files';
import { synthesisTarget, synthesize, verilogFiles } from '@hbnn/verilog';
import type { LayerCircuit } from '../reproduce/figures/layerCircuits.ts';
import { circuitMixes, layerPlaces } from '../reproduce/figures/layerCircuits.ts';
import { saveRows } from '../results/storedRows.ts';
import { gateArea } from './estimatedTarget.ts';

const { values } = scriptOptions(import.meta.url, {
  options: {
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    liberty: { type: 'string' },
    outputs: { type: 'string', default: '16' },
  },
});
const outputs = positiveNumber(values.outputs, '--outputs');
const folder = fileURLToPath(new URL('../../../.cache/layers/', import.meta.url));

type Measured = 'area' | 'sites' | 'estimate' | 'circuit' | 'synthesisSeconds' | 'estimateSeconds';
type Case = Omit<LayerCircuit, Measured>;

const cases: readonly Case[] = layerPlaces.flatMap(({ network, layer, inputs }) =>
  circuitMixes.flatMap(([bits]) =>
    (['element', 'position'] as const).flatMap((mapPer) =>
      (['weights', 'weights and inputs'] as const)
        // A map matters where widths differ, and so do 1-bit inputs.
        .filter((scaling) => bits > 1 || (mapPer === 'element' && scaling === 'weights'))
        .filter(() => mapPer === 'element' || !Number.isInteger(bits))
        .map((scaling): Case => ({ network, layer, inputs, outputs, bits, mapPer, scaling })),
    ),
  ),
);

function modelOf(
  { inputs, outputs, bits, mapPer, scaling }: Case,
  variant: number | '' = '',
): CheckedModel {
  const mix = circuitMixes.find(([average]) => average === bits)?.[1] ?? '1';
  return randomModel(`${inputs}x${outputs} ${bits}${variant}`, {
    layer: `dense:${inputs}x${outputs}`,
    mix: parseMix(mix),
    mapPer: parseMapPer(mapPer),
    inputMix: parseMix(scaling === 'weights' ? '1' : mix),
    inputMapPer: 'channel',
  });
}

type Synthesized = Pick<LayerCircuit, 'area' | 'sites' | 'synthesisSeconds'>;

/** The area of the layer's own module: LUTs and sites, or gate equivalents. */
async function synthesized(
  model: CheckedModel,
  target: string,
  gate: number,
): Promise<Synthesized> {
  const design = unrolledDesign(model, { style: target === 'xc7' ? 'xc7' : 'gates' });
  const files = verilogFiles(design);
  const module = design.layers.at(-1)?.module ?? '';
  const key = createHash('sha256')
    .update(
      JSON.stringify([
        'seconds',
        files,
        target.startsWith('liberty:') ? readFileSync(target.slice(8), 'utf8') : target,
      ]),
    )
    .digest('hex');
  const kept = join(folder, `${key}.json`);
  if (existsSync(kept)) return JSON.parse(readFileSync(kept, 'utf8')) as Synthesized;
  const start = performance.now();
  const cost = await synthesize(
    files,
    design.top,
    synthesisTarget(target, (file) => readCellFile('--liberty', file)),
  );
  const synthesisSeconds = (performance.now() - start) / 1000;
  const found = cost.layers.find(({ layer }) => layer === module);
  const area = target === 'xc7' ? found?.luts : found?.area;
  if (area === undefined) throw new HbnnError(`${target}: expected an area of ${module}, got none`);
  const result: Synthesized = {
    area: area / gate,
    synthesisSeconds,
    ...(found?.sites !== undefined && { sites: found.sites }),
  };
  mkdirSync(folder, { recursive: true });
  writeWhole(kept, JSON.stringify(result));
  return result;
}

/** The layer's estimate, and the seconds that a whole model's like it takes, once the code is warm. */
function estimated(
  layerCase: Case,
  circuit: LayerCircuit['circuit'],
): Pick<LayerCircuit, 'estimate' | 'estimateSeconds'> {
  const { steps } = unrolledArea(modelOf(layerCase), circuit);
  const estimate = steps.find(({ name }) => name === 'layer')?.area.value ?? 0;
  // Other weights each time, so that nothing of the model itself is known; the first ones run before the code is compiled.
  const seconds = Array.from({ length: 49 }, (_, variant) => {
    const model = modelOf(layerCase, variant);
    const start = performance.now();
    unrolledArea(model, circuit);
    return (performance.now() - start) / 1000;
  });
  const warm = seconds.slice(40).sort((a, b) => a - b);
  return { estimate, estimateSeconds: warm[4] };
}

const targets: (readonly [LayerCircuit['circuit'], string, number])[] = [['lut6', 'xc7', 1]];
if (values.liberty !== undefined) {
  const libraries = [readLibertyFile('--liberty', values.liberty)];
  const gate = gateArea(libraries, '--liberty', values.liberty);
  targets.push(['gates', `liberty:${values.liberty}`, gate]);
}
const meter = progressMeter('layers:');
const rows: LayerCircuit[] = [];
for (const constantOne of cases)
  for (const [circuit, target, gate] of targets) {
    const model = modelOf(constantOne);
    const measured = await synthesized(model, target, gate);
    rows.push({ ...constantOne, circuit, ...measured, ...estimated(constantOne, circuit) });
    meter.update(rows.length, cases.length * targets.length, 'layers');
  }
meter.stop();
if (values.json) console.log(JSON.stringify(rows, null, 2));
else
  for (const row of rows) {
    const { network, layer, bits, mapPer, scaling, circuit, area, estimate } = row;
    const name = `${network} ${layer} ${bits} bit ${scaling}, ${mapPer}`;
    const unit = circuit === 'lut6' ? 'LUTs' : 'GE';
    const error = (100 * (estimate / area - 1)).toFixed(1);
    const faster = (row.synthesisSeconds / row.estimateSeconds).toFixed(0);
    console.log(
      `${name.padEnd(60)} ${area.toFixed(0).padStart(7)} ${unit}${row.sites === undefined ? '' : ` in ${row.sites} sites`}, estimate ${error} % off, ${faster} times faster`,
    );
  }
if (values.save) saveRows('hardware', 'layers', 'none needed', rows);
