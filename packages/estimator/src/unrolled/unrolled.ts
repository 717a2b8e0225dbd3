import { type Fabric, familyFabrics } from '@hbnn/circuit';
import { checkOptions, HbnnError } from '@hbnn/core';
import type { CheckedModel } from '@hbnn/model';
import type { Technology } from '../cells/technology.ts';
import type { Device } from '../devices.ts';
import { checkClock } from '../folded/folded.ts';
import { powerModelOf } from '../power.ts';
import { type Quantity, quantity, type Trust } from '../quantity.ts';
import { type UnrolledCoefficients, unrolledCoefficients } from './coefficients.ts';
import { unrolledCounts } from './counts.ts';
import { EstimateMemo } from './memo.ts';
import { partsOf } from './stepParts.ts';
import { groupOf, type StepCounts } from './steps.ts';

/** The area of one step, in the circuit's unit. */
export interface StepArea {
  readonly name: string;
  readonly kind: StepCounts['kind'];
  readonly area: Quantity;
}

export interface UnrolledArea {
  readonly circuit: Fabric;
  readonly steps: readonly StepArea[];
  readonly total: Quantity;
}

/** Changes per net and image where nothing is known of the images: what images of random bits gave, .44, and windows, .35. */
const usualActivity = 0.4;
/** Zero-delay activity misses glitches: simulated with unit delays the same circuits took 2.6 to 3.7 times as much. */
const maxGlitches = 3.7;

/** How many LUTs, or gate equivalents, an estimate of a small step can be off, whatever its size. */
const maxRounding: Readonly<Record<string, number>> = { LUT: 8, GE: 25 };

function areaOf(
  { unit, steps }: UnrolledCoefficients,
  step: StepCounts,
  circuit: Fabric,
  adderGates: number,
): { area: number; error: number } {
  const group = groupOf(step.kind);
  const { per, error } = steps[group];
  const parts = partsOf(group, step, circuit, adderGates);
  const area = parts.reduce((sum, part, i) => sum + per[i] * part, 0);
  // Even a layer that is pruned away has its wires.
  const least = Math.max(1, area);
  return { area: least, error: Math.max(error, maxRounding[unit] / least) };
}

/**
 * Estimate the area of a fully unrolled design, combinational, with constant weights: what `hbnn verilog` writes and
 * `hbnn synth` measures.
 *
 * @param adderGates of `adders`: gate equivalents of the library's cell that adds three bits
 * @param memo what other estimates have worked out
 * @throws HbnnError when the model is not sound
 */
export function unrolledArea(
  model: CheckedModel,
  circuit: Fabric,
  adderGates = 0,
  memo: EstimateMemo = new EstimateMemo(),
): UnrolledArea {
  if ((circuit === 'adders') !== adderGates > 0)
    throw new HbnnError(
      `unrolledArea: expected the size of an adder's cell for 'adders' alone, got ${adderGates} for '${circuit}'; give it for 'adders', and leave it out for others`,
    );
  const c = unrolledCoefficients[circuit];
  const trust = (error: number): Trust => ({
    source: 'calibrated model',
    error,
    from: `fit to synthesized layers and networks (${circuit})`,
  });
  const steps = unrolledCounts(model, circuit, memo).map((step): StepArea => {
    const { area, error } = areaOf(c, step, circuit, adderGates);
    return { name: step.name, kind: step.kind, area: quantity(area, c.unit, trust(error)) };
  });
  const total = steps.reduce((sum, { area }) => sum + area.value, 0);
  const designError = Math.max(c.designError, maxRounding[c.unit] / total);
  return { circuit, steps, total: quantity(total, c.unit, trust(designError)) };
}

export interface UnrolledFpga {
  readonly area: UnrolledArea;
  readonly luts: Quantity;
  /** At the clock that is asked for: one image per cycle; absent where the design does not fit, as are power and energy. */
  readonly framesPerSecond?: Quantity;
  readonly powerW?: Quantity;
  readonly energyPerFrameJ?: Quantity;
  readonly unknown: Readonly<Record<string, string>>;
  readonly occupancy: { readonly luts: number };
  readonly fits: boolean;
}

const oneEachCycle: Trust = {
  source: 'assumed',
  error: 0,
  from: 'one image per cycle, should the clock that was asked for be met',
};
const clockUnknown =
  'whether the clock is met: the design is combinational and nothing is placed or routed; add registers, or take the depth that hbnn synth reports';

/** Estimate an unrolled design on an FPGA. @throws HbnnError for an unsound model or a clock that is none */
export function estimateUnrolled(model: CheckedModel, on: Device, clockHz: number): UnrolledFpga {
  checkClock(clockHz);
  const area = unrolledArea(model, familyFabrics[on.family]);
  const luts = area.total;
  const occupancy = { luts: luts.value / on.luts };
  return {
    area,
    luts,
    occupancy,
    fits: occupancy.luts <= 1,
    ...paceOf(luts, on, clockHz),
  };
}

/** Rate and power of a design on a device that holds it; else why there are none. */
function paceOf(
  luts: Quantity,
  on: Device,
  clockHz: number,
): Pick<UnrolledFpga, 'framesPerSecond' | 'powerW' | 'energyPerFrameJ' | 'unknown'> {
  if (luts.value > on.luts)
    return {
      unknown: {
        rate: `the design takes about ${Math.round((luts.value / on.luts) * 100)} % of the LUTs of ${on.name}, which cannot run it; fold it, or take a larger device`,
      },
    };
  const power = powerModelOf(on.family);
  return {
    framesPerSecond: quantity(clockHz, 'frames/s', oneEachCycle),
    ...(typeof power === 'string'
      ? { unknown: { clock: clockUnknown, power } }
      : {
          powerW: quantity(luts.value * power.lutJ * clockHz, 'W', power),
          energyPerFrameJ: quantity(luts.value * power.lutJ, 'J', power),
          unknown: { clock: clockUnknown },
        }),
  };
}

export interface UnrolledAsic {
  readonly technology: string;
  readonly area: UnrolledArea;
  readonly gates: Quantity;
  readonly areaUm2: Quantity;
  readonly activity: Quantity;
  /** Without glitches; the band's upper end is with them. */
  readonly energyPerFrameJ: Quantity;
  /** The same at the usual, flat activity, where a simulated one is given. */
  readonly energyPerFrameFlatJ?: Quantity;
  /** Per XNOR and counted bit, two operations. */
  readonly energyPerOperationJ?: Quantity;
  readonly powerW: Quantity;
  readonly leakageW?: Quantity;
  readonly unknown: Readonly<Record<string, string>>;
}

/** How often nets change when one image follows another. */
export interface Activity {
  /** Without glitches. */
  readonly perNet: number;
  /** With all of them, where they were counted. */
  readonly perNetWithGlitches?: number;
  /** Where it comes from. */
  readonly from: string;
}

export interface AsicOptions {
  /** Images per second that power is given for. */
  readonly framesPerSecond: number;
  /** Changes per net and image; default 0.4. */
  readonly activity?: Activity;
  /** XNORs of an image, for the energy of an operation. */
  readonly xnors?: number;
}

/**
 * Estimate an unrolled design in standard cells: gate equivalents, area, energy = gates · activity · energy per gate.
 *
 * @throws HbnnError for an unsound model, a rate that is none, or an activity not above 0
 */
export function estimateAsic(model: CheckedModel, cells: Technology, o: AsicOptions): UnrolledAsic {
  checkOptions('estimateAsic', o, ['framesPerSecond', 'activity', 'xnors']);
  if (!(Number.isFinite(o.framesPerSecond) && o.framesPerSecond > 0))
    throw new HbnnError(
      `rate: expected images per second above 0, got ${o.framesPerSecond}; give a rate such as 1000`,
    );
  const activity = activityOf(o.activity);
  const glitches = glitchesOf(o.activity);
  const area = asicArea(model, cells);
  const gates = area.total;
  const { gateUm2, gateSwitchJ, gateLeakageW } = cells;
  const um2 = gates.value * gateUm2.value;
  const joules = gates.value * activity.value * gateSwitchJ.value;
  const energy: Trust = { ...trustOf(gateSwitchJ), error: 0.5 };
  const withGlitches = (value: number, unit: string, max = glitches): Quantity => {
    const found = quantity(value, unit, energy);
    return { ...found, high: Math.max(found.high, found.value * max) };
  };
  const flat = (joules * usualActivity) / activity.value;
  const leakage = (gateLeakageW?.value ?? 0) * gates.value;
  return {
    technology: cells.name,
    area,
    gates,
    activity,
    areaUm2: quantity(um2, 'um2', { ...trustOf(gateUm2), error: 0.35 }),
    energyPerFrameJ: withGlitches(joules, 'J'),
    ...(o.activity !== undefined && { energyPerFrameFlatJ: withGlitches(flat, 'J', maxGlitches) }),
    ...(o.xnors !== undefined &&
      o.xnors > 0 && { energyPerOperationJ: withGlitches(joules / o.xnors / 2, 'J') }),
    powerW: withGlitches(joules * o.framesPerSecond + leakage, 'W'),
    ...(leakage > 0 && { leakageW: quantity(leakage, 'W', { ...trustOf(gateUm2), error: 0.5 }) }),
    unknown: {
      wires: 'wires, clock tree, pads and utilization of the floor plan are not in the area',
      ...(leakage === 0 && {
        leakage: `${cells.leakageUnknown ?? `${cells.name} gives none`}: it is not in the power`,
      }),
    },
  };
}

/** With the library's cell that adds three bits, where it has one and that is smaller. */
function asicArea(model: CheckedModel, { fullAdderGates }: Technology): UnrolledArea {
  const memo = new EstimateMemo();
  const plain = unrolledArea(model, 'gates', 0, memo);
  if (fullAdderGates === undefined) return plain;
  const withCells = unrolledArea(model, 'adders', fullAdderGates, memo);
  return withCells.total.value < plain.total.value ? withCells : plain;
}

function activityOf(given: Activity | undefined): Quantity {
  if (given === undefined)
    return quantity(usualActivity, 'changes per net', {
      source: 'synthesis',
      error: 0.15,
      from: 'simulated layers of 72 x 8 weights, zero delay',
    });
  const { perNet, from } = given;
  if (!(Number.isFinite(perNet) && perNet > 0))
    throw new HbnnError(
      `activity: expected changes per net and image above 0, got ${perNet}; give a number such as 0.5, or leave it out`,
    );
  return quantity(perNet, 'changes per net', { source: 'counted', error: 0, from });
}

/** How many times as often nets change when glitches count. */
function glitchesOf(given: Activity | undefined): number {
  if (given?.perNetWithGlitches === undefined) return maxGlitches;
  if (!(given.perNetWithGlitches >= given.perNet))
    throw new HbnnError(
      `estimate: expected at least ${given.perNet} changes per net with glitches, got ${given.perNetWithGlitches}; count both over the same images, or leave the second out`,
    );
  return given.perNetWithGlitches / given.perNet;
}

function trustOf({ source, from }: Quantity): Pick<Trust, 'source' | 'from'> {
  if (from === '')
    throw new HbnnError(
      'estimate: expected a figure with its origin; say in from where it comes from',
    );
  return { source, from: `${from}, times gate equivalents fit to synthesized layers` };
}
