import { HbnnError } from '@hbnn/core';
import type { Link } from './modelChain.ts';

/** Layers behind which the scores are still the same ones. */
const passive = /^(Flatten|Reshape)$|Dropout|Noise|Regularization/;

/** A layer's activation by name; undefined where it has none. */
export function activationOf({ layer, config }: Link): string | undefined {
  const kind = layer.getClassName();
  if (kind === 'ReLU') return 'relu';
  if (kind === 'Softmax') return 'softmax';
  const { activation } = config;
  if (activation === undefined || activation === null || activation === 'linear') return undefined;
  return String(activation);
}

/** Whether an activation keeps what is above 0 and nothing else; relu6 is bounded by the values it gives. */
export const isRelu = (activation: string | undefined): boolean =>
  activation === 'relu' || activation === 'relu6';

/** The place of the last layer that computes something. */
export const lastActive = (chain: readonly Link[]): number =>
  chain.findLastIndex(
    (link) =>
      !passive.test(link.layer.getClassName()) &&
      (link.layer.getClassName() !== 'Activation' || activationOf(link) !== undefined),
  );

/**
 * Say what leaving out the last layer's activation changes: nothing about which score is the largest.
 *
 * @returns a sentence for the user
 * @throws HbnnError naming a layer whose activation cannot be left out
 */
export function leaveOut(link: Link, last: boolean): string {
  const { name } = link.layer;
  const activation = activationOf(link);
  const softmax = activation === 'softmax' || activation === 'logSoftmax';
  if (last && softmax && overAllScores(link))
    return `${name}: its ${activation} is left out, which changes no class: the largest score is the same`;
  if (last && activation === 'sigmoid')
    return `${name}: its sigmoid is left out, which changes no class: a score above 0 is a probability above 0.5`;
  throw new HbnnError(
    `${name}: expected ReLU or no activation, got ${activation}; take ReLU, or leave softmax and sigmoid to the end`,
  );
}

/** Whether a softmax goes over all scores together. */
function overAllScores({ config, output }: Link): boolean {
  const scores = output.reduce((product, n) => product * n, 1);
  const axis = config.axis ?? -1;
  return scores === output.at(-1) && (axis === -1 || axis === output.length);
}
