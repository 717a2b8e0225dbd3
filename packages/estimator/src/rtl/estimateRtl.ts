import { type Family, type FoldedDesign, fabrics, familyFabrics } from '@hbnn/circuit';
import { HbnnError } from '@hbnn/core';
import { powerModelOf } from '../power.ts';
import { type Quantity, quantity, quantityOrNone, type Trust } from '../quantity.ts';
import { rtlCoefficients } from './rtlCoefficients.ts';
import { coefficientsKind, dot, type RtlCoefficients } from './rtlFit.ts';
import { type RtlModule, rtlModules } from './rtlModules.ts';

/** What the Verilog of a layer takes, as `hbnn synth` counts it. */
export interface RtlLayer {
  readonly layer: string;
  readonly luts: number;
  readonly flipFlops: number;
  /** Block RAMs, of xc7 halves of 18 kbit. */
  readonly blockRams: number;
  /** Tables that are distributed RAM, beside `luts`. */
  readonly memoryLuts: number;
}

/** What the Verilog of a folded design takes, as `hbnn synth` counts it. */
export interface RtlEstimate {
  readonly layers: readonly RtlLayer[];
  readonly luts: Quantity;
  readonly memoryLuts: Quantity;
  readonly flipFlops: Quantity;
  readonly blockRams: Quantity;
  /** Energy of the FPGA for an image; absent where no powers of the family are known: see `unknown`. */
  readonly energyPerImageJ?: Quantity;
  readonly unknown: Readonly<Record<string, string>>;
}

/** Whether folded Verilog was synthesized for a family, so that its size can be said. */
export const rtlFamilies = Object.keys(rtlCoefficients) as readonly Family[];

/** What a module's tables are estimated to be. @throws HbnnError for a kind that no coefficients were fitted for */
function moduleLuts(
  { kind, parts }: Pick<RtlModule, 'kind' | 'parts'>,
  coefficients: RtlCoefficients,
): number {
  const per = coefficients[coefficientsKind(kind)];
  if (per === undefined)
    throw new HbnnError(
      `estimate: expected coefficients of modules of kind ${kind}, got none; take 'hbnn verilog' and 'hbnn synth'`,
    );
  return dot(parts, per);
}

/** Small designs can be off by some tables, whatever their size. */
const rounding = 15;

/**
 * Estimate what the Verilog of a folded design takes, layer by layer: registers and memories counted from the design,
 * tables by a search of cuts and coefficients fitted to synthesized designs. The energy is that of FPGAs whose power was
 * published, by their LUTs and blocks of 36 kbit:
 *
 *   J per image = cycles per image · (LUTs · J per LUT and cycle + blocks · J per block and cycle)
 *
 * @throws HbnnError for a family whose Verilog was not synthesized, or a design in another style
 */
export function estimateRtl(design: FoldedDesign, family: Family): RtlEstimate {
  const model = rtlCoefficients[family];
  if (model === undefined)
    throw new HbnnError(
      `estimate: expected a family whose Verilog was synthesized (${rtlFamilies.join(', ')}), got ${family}; take one of these, or 'hbnn verilog' and 'hbnn synth'`,
    );
  const { style, tableInputs } = fabrics[familyFabrics[family]];
  if (design.style !== style)
    throw new HbnnError(
      `estimate: expected a design in style '${style}' for ${family}, got '${design.style}'; make it with style '${style}'`,
    );
  const modules = rtlModules(design, { family, tableInputs });
  const layers = layersOf(modules, model.luts);
  const sum = (of: Exclude<keyof RtlLayer, 'layer'>): number =>
    layers.reduce((n, layer) => n + layer[of], 0);
  const from = `each module of the Verilog by its structure, fitted to designs that hbnn synth counted for ${family}`;
  const trust = (error: number, value: number): Trust => ({
    source: 'calibrated model',
    from,
    error: Math.max(error, rounding / Math.max(1, value)),
  });
  const none: Trust = { source: 'counted', from: 'no layer has such a memory', error: 0 };
  const { errors } = model;
  const [luts, memoryLuts] = [sum('luts'), sum('memoryLuts')];
  const [flipFlops, blockRams] = [sum('flipFlops'), sum('blockRams')];
  const energy = energyOf(design, family, {
    luts: luts + memoryLuts,
    blocks36: blockRams / halvesPerBlock,
    error: Math.max(errors.luts, rounding / Math.max(1, luts)),
  });
  return {
    layers,
    luts: quantity(luts, 'LUT', trust(errors.luts, luts)),
    memoryLuts: quantityOrNone(memoryLuts, 'LUT', trust(errors.memoryLuts, memoryLuts), none),
    flipFlops: quantity(flipFlops, 'FF', trust(errors.flipFlops, flipFlops)),
    blockRams: quantityOrNone(
      blockRams,
      'block RAMs',
      { source: 'calibrated model', from, error: errors.blockRams },
      none,
    ),
    ...energy,
  };
}

/** Block RAMs are counted as halves of 18 kbit where a power is known. */
const halvesPerBlock = 2;

/** The energy of an image, or why it is unknown. Its error compounds those of the powers and of the LUTs. */
function energyOf(
  { cyclesPerImage }: FoldedDesign,
  family: Family,
  { luts, blocks36, error }: { luts: number; blocks36: number; error: number },
): Pick<RtlEstimate, 'energyPerImageJ' | 'unknown'> {
  const model = powerModelOf(family);
  if (typeof model === 'string') return { unknown: { energy: model } };
  const joules = cyclesPerImage * (luts * model.lutJ + blocks36 * model.blockJ);
  const { source, from } = model;
  const both = (1 + model.error) * (1 + error) - 1;
  return {
    energyPerImageJ: quantity(joules, 'J', { source, from, error: both }),
    unknown: {},
  };
}

function layersOf(modules: readonly RtlModule[], coefficients: RtlCoefficients): RtlLayer[] {
  const layers = new Map<string, RtlLayer>();
  for (const module of modules) {
    const { layer, count, flipFlops, blocks, memoryLuts } = module;
    const before = layers.get(layer) ?? {
      layer,
      luts: 0,
      flipFlops: 0,
      blockRams: 0,
      memoryLuts: 0,
    };
    layers.set(layer, {
      layer,
      luts: before.luts + count * moduleLuts(module, coefficients),
      flipFlops: before.flipFlops + count * flipFlops,
      blockRams: before.blockRams + count * blocks,
      memoryLuts: before.memoryLuts + count * memoryLuts,
    });
  }
  return [...layers.values()];
}
