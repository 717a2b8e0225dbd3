import { type FloatTensor, selectBits } from '@hbnn/core';
import type * as tf from '@tensorflow/tfjs-core';
import { binarizeInputs, type InputMap, meanMagnitudes } from '../ops/binarizeInputs.ts';
import type { InputPrecision } from '../precision.ts';
import type { NamedArray } from '../tensorFile.ts';
import { type CallContext, mapIsFree, newestShare } from './context.ts';

const momentum = 0.9;

/** One map for all images and constant scales. */
export interface StaticInputs {
  readonly bits: Uint8Array;
  /** One per plane. */
  readonly scales: Float32Array;
}

/** Running statistics behind a static map: what a checkpoint must keep. */
interface Statistics {
  /** Running mean |x| per element of the feature map. */
  readonly magnitudes: Float32Array;
  /** Running scales, one per plane. */
  readonly scales: Float32Array;
  /** Whether they hold a first batch. */
  started: boolean;
  /** The map, where it is kept from some step on. */
  readonly bits?: Uint8Array;
}

/**
 * Binarize the inputs of one layer.
 *
 * dynamic: per sample, map and scales anew. static: the map is chosen over running mean magnitudes of
 * the training, per element of the feature map, per position or per channel, the scales are batch means
 * while training and their running average at inference.
 */
export class InputBinarization {
  private readonly precision: InputPrecision;
  private readonly feature: readonly number[];
  private readonly seed: number;
  private readonly dynamic: InputMap;
  private readonly statistics: Statistics;
  private frozen: InputMap | undefined;

  /** @param feature shape of one sample's feature map, channels last */
  constructor(precision: InputPrecision, feature: readonly number[], seed: number) {
    this.precision = precision;
    this.feature = feature;
    this.seed = seed;
    const { mix, select } = precision;
    this.dynamic = { kind: 'dynamic', mix, select, seed };
    const size = feature.reduce((product, n) => product * n, 1);
    const planes = Math.max(...mix.fractions.map(({ bits }) => bits));
    this.statistics = {
      magnitudes: new Float32Array(size),
      scales: new Float32Array(planes),
      started: false,
      ...(precision.freezeAt !== undefined && { bits: new Uint8Array(size) }),
    };
  }

  apply(x: tf.Tensor, context: CallContext): tf.Tensor {
    if (this.precision.map === 'dynamic') return binarizeInputs(x, this.dynamic).y;
    if (!context.training) {
      this.frozen ??= {
        kind: 'static',
        bits: this.staticBits(context),
        scales: this.statistics.scales.slice(),
      };
      return binarizeInputs(x, this.frozen).y;
    }
    this.frozen = undefined;
    const share = this.statistics.started ? newestShare(context, momentum) : 1;
    moveArray(this.statistics.magnitudes, meanMagnitudes(x), share);
    const { y, scales } = binarizeInputs(x, { kind: 'static', bits: this.staticBits(context) });
    const running = this.statistics.scales;
    moveArray(running, ofAllPlanes(scales, running.length), share);
    this.statistics.started = true;
    return y;
  }

  /** What inference uses: the frozen map and scales, or a map for each sample. */
  atInference(): StaticInputs | 'dynamic' {
    if (this.precision.map === 'dynamic') return 'dynamic';
    return { bits: this.staticBits({}).slice(), scales: this.statistics.scales.slice() };
  }

  private staticBits(context: CallContext): Uint8Array {
    const { bits } = this.statistics;
    if (bits === undefined) return this.chosenBits();
    if (mapIsFree(this.precision.freezeAt, context)) bits.set(this.chosenBits());
    return bits;
  }

  /** The map over running mean magnitudes; a channel or position is ranked by its mean over the other. */
  private chosenBits(): Uint8Array {
    const { mix, select, mapPer } = this.precision;
    const { magnitudes } = this.statistics;
    const channels = this.feature.at(-1) as number;
    if (mapPer === 'element') return this.select(magnitudes, mix, select);
    const positions = magnitudes.length / channels;
    const ofChannel = mapPer === 'channel';
    const unitOf = (i: number): number => (ofChannel ? i % channels : Math.floor(i / channels));
    const means = new Float32Array(ofChannel ? channels : positions);
    magnitudes.forEach((value, i) => {
      means[unitOf(i)] += value / (ofChannel ? positions : channels);
    });
    const perUnit = this.select(means, mix, select);
    return Uint8Array.from(magnitudes, (_, i) => perUnit[unitOf(i)]);
  }

  private select(
    data: Float32Array,
    mix: InputPrecision['mix'],
    select: InputPrecision['select'],
  ): Uint8Array {
    const tensor: FloatTensor = { shape: [data.length], data };
    return selectBits(tensor, { mix, select, seed: this.seed }).bits;
  }

  /** What inference and a resumed training need. */
  exportArrays(prefix: string): NamedArray[] {
    if (this.precision.map === 'dynamic') return [];
    const { magnitudes, scales, started, bits } = this.statistics;
    return [
      ...(bits === undefined
        ? []
        : [{ name: `${prefix}map`, shape: [...this.feature], data: bits.slice() }]),
      { name: `${prefix}magnitudes`, shape: [...this.feature], data: magnitudes.slice() },
      { name: `${prefix}scales`, shape: [scales.length], data: scales.slice() },
      { name: `${prefix}started`, shape: [1], data: Uint8Array.of(started ? 1 : 0) },
    ];
  }

  importArrays(prefix: string, take: (name: string, length: number) => NamedArray): void {
    if (this.precision.map === 'dynamic') return;
    const { magnitudes, scales } = this.statistics;
    magnitudes.set(take(`${prefix}magnitudes`, magnitudes.length).data);
    scales.set(take(`${prefix}scales`, scales.length).data);
    this.statistics.started = take(`${prefix}started`, 1).data[0] === 1;
    this.statistics.bits?.set(take(`${prefix}map`, magnitudes.length).data);
    this.frozen = undefined;
  }
}

/** The scales of a fixed number of planes: 0 for planes that no element of the present map is in. */
const ofAllPlanes = (scales: Float32Array, planes: number): Float32Array =>
  Float32Array.from({ length: planes }, (_, n) => scales[n] ?? 0);

/** running ← running + share·(value − running). */
function moveArray(running: Float32Array, value: Float32Array, share: number): void {
  for (let i = 0; i < running.length; i++) running[i] += share * (value[i] - running[i]);
}
