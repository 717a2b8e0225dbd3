import { HbnnError, suggestion } from '@hbnn/core';
import { bayesianBits } from './bayesianBits.ts';
import { bitPruning } from './bitPruning.ts';
import { bnnInputs, bnnWeights } from './bnn.ts';
import { bwn } from './bwn.ts';
import { dorefaInputs, dorefaWeights } from './dorefa.ts';
import { qnnInputs, qnnWeights } from './qnn.ts';
import type { InputQuantizer, WeightQuantizer } from './quantizer.ts';
import { sqBwn, sqTwn } from './stochastic.ts';
import { trq } from './trq.ts';
import { twn } from './twn.ts';
import { xnorInputs } from './xnorNet.ts';

/** The quantizers of one layer: those of a method, ready to work. */
export interface LayerQuantizers {
  readonly weights: WeightQuantizer;
  /** Left out where inputs stay float. */
  readonly inputs?: InputQuantizer;
}

/** A method as a name tells it: `dorefa:1/2`. */
export interface Method {
  /** The whole name, options filled in: equal for equal methods. */
  readonly name: string;
  readonly quantizesInputs: boolean;
  /**
   * Make the quantizers of one layer.
   *
   * @param seed for what the layer draws
   */
  readonly layer: (seed: number) => LayerQuantizers;
}

interface MethodKind {
  /** How options are written behind the name: bits of weights and inputs, or the strength of a penalty. */
  readonly options?: 'bits' | 'strength';
  /** The options where none are given. */
  readonly fallback?: string;
  readonly about: string;
}

/** The methods by name, in the order of Table 1, and later ones. */
export const methodKinds = {
  bwn: { about: 'binary weights, a scale per filter (Rastegari et al. 2016)' },
  'xnor-net': { about: 'BWN and binary inputs with their scale map (Rastegari et al. 2016)' },
  bnn: { about: 'signs of weights and inputs (Hubara et al. 2016)' },
  dorefa: {
    options: 'bits',
    fallback: '1/2',
    about: 'weights by tanh, inputs in 0 … 1 (Zhou et al. 2016)',
  },
  qnn: {
    options: 'bits',
    fallback: '1/2',
    about: 'linear quantization in −1 … 1 (Hubara et al. 2016)',
  },
  twn: { about: 'ternary weights (Li et al. 2016)' },
  'sq-bwn': { about: 'BWN by stochastic quantization (Dong et al. 2017)' },
  'sq-twn': { about: 'TWN by stochastic quantization (Dong et al. 2017)' },
  trq: { about: 'ternary weights by a stem and its residual (Li et al. 2021)' },
  'bit-pruning': {
    options: 'strength',
    fallback: '0.01',
    about: 'learned bits per layer (Nikolić et al. 2020)',
  },
  'bayesian-bits': {
    options: 'strength',
    fallback: '0.003',
    about: 'learned gates on residual planes (van Baalen et al. 2020)',
  },
} as const satisfies Record<string, MethodKind>;

export type MethodName = keyof typeof methodKinds;
export const methodNames = Object.keys(methodKinds) as MethodName[];

const forms: Readonly<Record<'bits' | 'strength', string>> = {
  bits: 'bits of the weights and of the inputs, 1 to 8 each or float for inputs, as in 1/2',
  strength: 'the strength of its penalty, a number from 0, as in 0.01',
};

/**
 * Read the name of a method, with its options behind a colon: `twn`, `dorefa:2/4`, `qnn:2/float`, `bit-pruning:0.01`.
 *
 * @throws HbnnError naming the place, the methods there are or the form of the options, and what came
 */
export function methodNamed(text: string, where: string): Method {
  const colon = text.indexOf(':');
  const [name, options] =
    colon < 0 ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)];
  if (!isMethod(name)) {
    const near = suggestion(name, methodNames) || '; give one of these';
    throw new HbnnError(
      `${where}: expected one of ${methodNames.join(', ')}, got '${text}'${near}`,
    );
  }
  const kind: MethodKind = methodKinds[name];
  if (kind.options === undefined && options !== undefined)
    throw new HbnnError(`${where}: expected ${name} without options, got '${text}'; write ${name}`);
  const form = kind.options === undefined ? '' : forms[kind.options];
  const fault = new HbnnError(
    `${where}: expected behind ${name}: ${form}, got '${text}'; write it as ${name}:${kind.fallback}`,
  );
  switch (name) {
    case 'dorefa':
    case 'qnn':
      return withBits(name, options ?? kind.fallback ?? '', fault);
    case 'bit-pruning':
    case 'bayesian-bits':
      return withStrength(name, options ?? kind.fallback ?? '', fault);
    default:
      return plain(name);
  }
}

const isMethod = (name: string): name is MethodName => Object.hasOwn(methodKinds, name);

function withBits(name: 'dorefa' | 'qnn', options: string, fault: HbnnError): Method {
  const [, w, x] = /^([1-8])\/([1-8]|float)$/.exec(options) ?? [];
  if (w === undefined) throw fault;
  const weights = name === 'dorefa' ? dorefaWeights : qnnWeights;
  const inputs = name === 'dorefa' ? dorefaInputs : qnnInputs;
  return {
    name: `${name}:${w}/${x}`,
    quantizesInputs: x !== 'float',
    layer: () => ({
      weights: weights(Number(w)),
      inputs: x === 'float' ? undefined : inputs(Number(x)),
    }),
  };
}

function withStrength(
  name: 'bit-pruning' | 'bayesian-bits',
  options: string,
  fault: HbnnError,
): Method {
  const strength = /^\d+(\.\d+)?(e-?\d+)?$/.test(options) ? Number(options) : Number.NaN;
  if (!Number.isFinite(strength)) throw fault;
  const weights = name === 'bit-pruning' ? bitPruning : bayesianBits;
  return {
    name: `${name}:${strength}`,
    quantizesInputs: false,
    layer: () => ({ weights: weights(strength) }),
  };
}

/** The methods without options. */
function plain(
  name: Exclude<MethodName, 'dorefa' | 'qnn' | 'bit-pruning' | 'bayesian-bits'>,
): Method {
  const made = (quantizesInputs: boolean, layer: Method['layer']): Method => ({
    name,
    quantizesInputs,
    layer,
  });
  switch (name) {
    case 'bwn':
      return made(false, () => ({ weights: bwn() }));
    case 'xnor-net':
      return made(true, () => ({ weights: bwn(), inputs: xnorInputs() }));
    case 'bnn':
      return made(true, () => ({ weights: bnnWeights(), inputs: bnnInputs() }));
    case 'twn':
      return made(false, () => ({ weights: twn() }));
    case 'sq-bwn':
      return made(false, (seed) => ({ weights: sqBwn(seed) }));
    case 'sq-twn':
      return made(false, (seed) => ({ weights: sqTwn(seed) }));
    case 'trq':
      return made(false, () => ({ weights: trq() }));
    default:
      return name satisfies never;
  }
}
