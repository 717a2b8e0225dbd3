import type { Fold, FoldTable } from '@hbnn/circuit';
import {
  type Device,
  designForFamily,
  estimateRtl,
  type Quantity,
  quantity,
  type RtlEstimate,
  rtlFamilies,
  scheduledPace,
} from '@hbnn/estimator';
import { type CheckedModel, weightCount } from '@hbnn/model';
import { plainFold } from './rtlFolder.ts';

/** The figures of what `hbnn verilog --style folded` writes, under names of their own. */
export interface RtlFigures {
  readonly [name: string]: unknown;
  readonly unknown: Readonly<Record<string, string>>;
}

type LayerFolds = readonly (Fold & { readonly layer: string })[];

/** Weights of a model whose design is made to be estimated: some ten seconds. */
const maxWeights = 4_000_000;

/** Say what the Verilog of some folds takes on a device, layer by layer; or why nobody knows. */
export function rtlFigures(
  model: CheckedModel,
  folds: LayerFolds,
  on: Device,
  clockHz: number,
): RtlFigures {
  const why = unknownSize(model, on);
  if (why !== undefined)
    return { ...scheduledPace(model, folds, clockHz), unknown: { verilog: why } };
  const table: FoldTable = Object.fromEntries(folds.map((fold) => [fold.layer, plainFold(fold)]));
  const design = designForFamily(model, table, on.family);
  const size = estimateRtl(design, on.family);
  const { cyclesPerImage } = design;
  const occupancy = occupancyOf(size, on);
  const fits = fitsOf(size, occupancy, on);
  return {
    verilogCyclesPerImage: quantity(cyclesPerImage, 'cycles', simulated),
    ...(fits !== false && {
      verilogFramesPerSecond: quantity(clockHz / cyclesPerImage, 'frames/s', simulated),
    }),
    ...underVerilogsName(size, on),
    ...(fits !== false &&
      size.energyPerImageJ !== undefined && { verilogEnergyPerImageJ: size.energyPerImageJ }),
    verilogOccupancy: occupancy,
    ...(fits !== undefined && { verilogFits: fits }),
    verilogLayers: size.layers.map(rounded),
    unknown:
      fits !== false
        ? {
            ...underVerilogsNames(size.unknown),
            ...(fits === undefined && { verilogFits: sharedCells(size, on) }),
          }
        : {
            verilogRate: `the Verilog does not fit ${on.name}, as verilogOccupancy says; take smaller folds (--fold luts:${on.luts}) or a larger device`,
          },
  };
}

const underVerilogsNames = (unknown: RtlEstimate['unknown']): Record<string, string> =>
  Object.fromEntries(
    Object.entries(unknown).map(([name, why]) => [
      `verilog${name[0].toUpperCase()}${name.slice(1)}`,
      why,
    ]),
  );

const simulated = {
  source: 'simulation',
  error: 0.01,
  from: 'when the beats of all units move, where neither end waits',
} as const;

function unknownSize(model: CheckedModel, { family }: Device): string | undefined {
  if (!rtlFamilies.includes(family))
    return `no Verilog was synthesized for ${family} to fit to: its size is not known; 'hbnn verilog --style folded' and 'hbnn synth' count it`;
  const weights = weightCount(model);
  if (weights <= maxWeights) return undefined;
  return `${weights} weights: the design of a model of more than ${maxWeights} is not made to be estimated; 'hbnn verilog --style folded' and 'hbnn synth' count it`;
}

/** Block RAMs in the device's own blocks: of xc7 two halves are one. */
const halves: Readonly<Partial<Record<Device['family'], number>>> = { xc7: 2 };
const inBlocks = ({ family }: Device): number => 1 / (halves[family] ?? 1);

function underVerilogsName(size: RtlEstimate, on: Device) {
  const { luts, memoryLuts, flipFlops, blockRams } = size;
  const factor = inBlocks(on);
  const { value, low, high } = blockRams;
  const blocks: Quantity = {
    ...blockRams,
    unit: `blocks of ${on.bitsPerBlock} bits`,
    value: value * factor,
    low: low * factor,
    high: high * factor,
  };
  return {
    verilogLuts: luts,
    verilogMemoryLuts: memoryLuts,
    verilogFlipFlops: flipFlops,
    verilogMemoryBlocks: blocks,
  };
}

const share = (count: number, total: number): number =>
  total > 0 ? count / total : count > 0 ? 1 + count : 0;

function occupancyOf({ luts, memoryLuts, flipFlops, blockRams }: RtlEstimate, on: Device) {
  return {
    luts: share(luts.value + memoryLuts.value, on.luts),
    flipFlops: share(flipFlops.value, on.flipFlops),
    memoryBlocks: share(blockRams.value * inBlocks(on), on.memoryBlocks),
  };
}

/** The logic cells of an iCE40 that a design takes if no table shares its cell with a flip-flop. */
const separateCells = ({ luts, flipFlops }: RtlEstimate): number => luts.value + flipFlops.value;

const sharedCells = (size: RtlEstimate, on: Device): string =>
  `a table and a flip-flop share a logic cell of the iCE40 only where the table drives the flip-flop: the Verilog takes at most ${Math.round(separateCells(size))} cells, and ${on.name} has ${on.luts}; 'hbnn synth --place' counts them`;

/** Whether a design fits a device; undefined where it depends on how tables and flip-flops share cells. */
function fitsOf(
  size: RtlEstimate,
  occupancy: ReturnType<typeof occupancyOf>,
  on: Device,
): boolean | undefined {
  if (Object.values(occupancy).some((part) => part > 1)) return false;
  return on.family !== 'ice40' || separateCells(size) <= on.luts ? true : undefined;
}

const rounded = (layer: RtlEstimate['layers'][number]) => ({
  ...layer,
  luts: Math.round(layer.luts),
});

/** Whether folds can be chosen for a device by what their Verilog is estimated to take. */
export const canFoldByEstimate = (model: CheckedModel, on: Device): boolean =>
  unknownSize(model, on) === undefined;
