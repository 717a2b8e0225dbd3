import { averageBits, HbnnError, parseMix } from '@hbnn/core';
import type { RunConfig } from '@hbnn/train';

const floatWeights = ({ layerBits, weights }: RunConfig): boolean =>
  (layerBits ?? [weights]).every((bits) => bits === 'float');

/** Why a flag changes nothing with a configuration, and when it would; undefined where it does change something. */
type Rule = (config: RunConfig) => string | undefined;

/** Whether bits leave nothing to choose: all elements have the same. */
function allAlike(bits: RunConfig['weights']): boolean {
  if (bits === 'float') return true;
  const average = Number(bits);
  if (Number.isFinite(average)) return Number.isInteger(average);
  return parseMix(String(bits)).fractions.filter(({ fraction }) => fraction > 0).length === 1;
}

/** Whether no element has a bit. */
function isZero(bits: RunConfig['weights']): boolean {
  if (bits === 'float') return false;
  const average = Number(bits);
  return Number.isFinite(average) ? average === 0 : averageBits(parseMix(String(bits))) === 0;
}

/**
 * Refuse 0 bits for all weights or all inputs: such a network answers the same for all images.
 *
 * @param placeOf what errors call a field
 * @throws HbnnError naming the field
 */
export function refuseNoBits(config: RunConfig, placeOf: (field: string) => string): void {
  const { layerBits, weights, inputs, quantizer } = config;
  if (quantizer !== undefined) return;
  const field = layerBits === undefined ? 'weights' : 'layerBits';
  const fault = (layerBits ?? [weights]).every(isZero)
    ? field
    : isZero(inputs)
      ? 'inputs'
      : undefined;
  if (fault === undefined) return;
  throw new HbnnError(
    `${placeOf(fault)}: expected more than 0 bits on average, got ${[config[fault]].flat().join(', ')}, with which a network answers the same for all images; give more, such as 1.4, or a mix in which only some have 0 bits, such as 0:0.2/1:0.8`,
  );
}

const wholeBits =
  'with the same whole number of bits for all elements; it chooses which ones get more (--weights 1.4)';

/** Rules that choose the bits themselves, whatever their average. */
const choosing: readonly string[] = ['optimal', 'gain', 'curvature'];

const ofMixedWeights: Rule = (config) =>
  ofWeights(config) ??
  (!choosing.includes(config.select) && (config.layerBits ?? [config.weights]).every(allAlike)
    ? wholeBits
    : undefined);
const ofMixedInputs: Rule = (config) =>
  ofInputs(config) ??
  (allAlike(config.inputs) ? wholeBits.replace('--weights', '--inputs') : undefined);
const ofOneForAll: Rule = ({ layerBits }) =>
  layerBits === undefined
    ? undefined
    : 'with --layer-bits, which say the bits of each layer; leave one of them out';

const ofFcn4: Rule = ({ network }) =>
  network === 'fcn4' ? undefined : `with --network ${network}; it is for fcn4`;
const ofWeights: Rule = (config) =>
  floatWeights(config) ? 'with float weights; it is for binarized ones (--weights 1.4)' : undefined;
const ofInputs: Rule = ({ inputs }) =>
  inputs === 'float' ? 'with float inputs; it is for binarized ones (--inputs 1.4)' : undefined;
const ofStaticMaps: Rule = (config) =>
  ofInputs(config) ??
  (config.inputMap === 'static'
    ? undefined
    : 'with dynamic input maps; it is for static ones (--input-map static)');

const ofMaps: Rule = (config) =>
  ofWeights(config) === undefined || ofStaticMaps(config) === undefined
    ? undefined
    : 'with float weights and no static input map; it keeps such maps';

const rules: Readonly<Record<string, Rule>> = {
  '--widths': ofFcn4,
  '--pools': ofFcn4,
  '--weights': ofOneForAll,
  '--select': ofMixedWeights,
  '--map-per': ofWeights,
  '--scale-per': ofWeights,
  '--renew-every': ofWeights,
  '--scale-form': ofWeights,
  '--freeze-maps': ofMaps,
  '--balance': ofMixedWeights,
  '--input-select': ofMixedInputs,
  '--input-map': ofInputs,
  '--input-map-per': ofStaticMaps,
};

/** The number of layers before the last that fcn4 has unless told otherwise. */
const usualWidths = 3;

/**
 * Refuse flags that a person typed but that change nothing in the training they ask for.
 *
 * @param typed the flags as typed, and the field each sets
 * @param ignored fields that the data set does not look at, each with what is so instead
 * @throws HbnnError naming the flag, and when it has an effect
 */
export function refuseWithoutEffect(
  typed: ReadonlyMap<string, string>,
  config: RunConfig,
  ignored: Readonly<Record<string, string>>,
): void {
  for (const [flag, field] of typed) {
    const why = rules[flag]?.(config);
    if (why !== undefined) throw new HbnnError(`${flag}: has no effect ${why}`);
    if (Object.hasOwn(ignored, field)) {
      throw new HbnnError(`${flag}: has no effect with --data ${config.data}; ${ignored[field]}`);
    }
  }
  const layers = config.widths?.length ?? usualWidths;
  const beyond = config.pools?.find((layer) => layer >= layers);
  if (typed.has('--pools') && beyond !== undefined) {
    throw new HbnnError(
      `--pools: expected layers 0 … ${layers - 1}, those before the last, got ${beyond}; ` +
        'pool after one of these or give more --widths',
    );
  }
}
