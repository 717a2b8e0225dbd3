import type { Design } from '@hbnn/circuit';
import { estimateAdders } from '@hbnn/circuit';
import { HbnnError } from '@hbnn/core';
import { type CheckedModel, featureCount } from '@hbnn/model';
import { abcGateScript } from '../yosys/cells.ts';
import { readCommand, type YosysNetlist, yosys } from '../yosys/yosys.ts';
import { GateNetwork } from './gateNetwork.ts';
import { sourcesOf } from './simulate.ts';

/** How often the nets of a part of a design change. */
export interface PartSwitching {
  readonly part: string;
  readonly nets: number;
  /** Changes per net and image when every gate answers at once: none more than needed. */
  readonly changes: number;
  /** When every gate takes one unit of time and nothing is filtered: with all glitches, an upper bound. */
  readonly changesWithGlitches: number;
}

export interface Switching extends PartSwitching {
  /** Images that followed one another, less one. */
  readonly steps: number;
  /** Each layer, then the scores and the largest. */
  readonly parts: readonly PartSwitching[];
}

/** Nets of larger designs would take minutes to read back. */
const maxAdders = 60_000;

/**
 * Count how often the gates of an unrolled, combinational design change when images follow one another: the text is
 * read by Yosys, each module mapped to simple gates by abc, and every step from one image to the next simulated twice,
 * without delays and with one unit per gate.
 *
 * @param pixels images, one after the other: at least two
 * @throws HbnnError for a design with registers or vendor cells, one too large, or fewer than two images
 */
export async function switching(
  model: CheckedModel,
  design: Design,
  files: Readonly<Record<string, string>>,
  pixels: Uint8Array,
): Promise<Switching> {
  const size = featureCount(model.input.shape);
  const images = pixels.length / size;
  if (!Number.isInteger(images) || images < 2)
    throw new HbnnError(
      `switching: expected two images or more of ${size} pixel values each, got ${pixels.length} values; give two whole images or more`,
    );
  const adders = estimateAdders(model.checkedLayers).reduce((sum, layer) => sum + layer.adders, 0);
  if (adders > maxAdders)
    throw new HbnnError(
      `switching: ${model.name} has about ${Math.round(adders)} adders, expected at most ${maxAdders}; measure one layer of it (hbnn random) instead`,
    );
  const network = new GateNetwork(await flatGates(design, files), design.top);
  const bits = network.port('pixels');
  const steps = images - 1;
  for (let from = 0; from < steps; from += network.lanes) {
    const count = Math.min(network.lanes, steps - from);
    const image = (k: number): Uint8Array =>
      pixels.subarray((from + k) * size, (from + k + 1) * size);
    for (const later of [0, 1] as const)
      for (let lane = 0; lane < network.lanes; lane++)
        // Lanes without images of their own take a step that changes nothing.
        network.setImage(bits, lane, image(lane < count ? lane + later : 0), later);
    network.step();
  }
  return summary(network, design, steps);
}

function summary(
  network: GateNetwork,
  { layers, scores, largest }: Design,
  steps: number,
): Switching {
  const names = [
    ...layers.map(({ layer, module }) => [layer, module] as const),
    [scores.name, scores.name] as const,
    [largest.name, largest.name] as const,
  ];
  const parts = names.map(([part, module]): PartSwitching => {
    const found = network.countsOf((cell) => partOf(cell) === `${module}_layer`);
    return { part, ...perNet(found, steps) };
  });
  return {
    part: 'all',
    steps,
    ...perNet(
      network.countsOf(() => true),
      steps,
    ),
    parts,
  };
}

/** The instance in the top module that a cell of the flattened design was in. */
const partOf = (cell: string): string => cell.replace(/^\$flatten\\/, '').split('.')[0];

function perNet({ nets, changes, glitching }: ReturnType<GateNetwork['countsOf']>, steps: number) {
  const each = nets * steps;
  return {
    nets,
    changes: each === 0 ? 0 : changes / each,
    changesWithGlitches: each === 0 ? 0 : glitching / each,
  };
}

/** The whole design as simple gates in one module. */
export async function flatGates(
  design: Design,
  files: Readonly<Record<string, string>>,
): Promise<YosysNetlist> {
  const sources = sourcesOf(files);
  const script = [
    readCommand(Object.keys(sources)),
    `hierarchy -check -top ${design.top}`,
    'setattr -unset src */*',
    'proc',
    'opt -full',
    'techmap',
    'opt -full',
    'abc -g AND,NAND,OR,NOR,XOR,XNOR,MUX -script gates.abc',
    'flatten -noscopeinfo',
    'opt_clean',
    'write_json',
  ];
  const { output } = await yosys(`${script.join('\n')}\n`, {
    ...sources,
    'gates.abc': abcGateScript,
  });
  return JSON.parse(output) as YosysNetlist;
}
