import { curvature, deviation, mean, significance } from '../../results/statistics.ts';
import { above, pEquation, pointsText } from '../claims.ts';
import { figures } from '../paper.ts';
import type { Profile } from '../profile.ts';
import { accuracies, measuredRow } from '../settings.ts';
import type { Claim, Setting, SettingResults, Stage, StageResult } from '../stage.ts';
import { weightSettings } from './weights.ts';

const paper = figures.figure3a;

/** A layer-level mix: each layer wholly 1, 2 or 3 bits. */
export interface LayerMix {
  readonly bits: readonly number[];
  /** Over the layers' weights. */
  readonly average: number;
}

/**
 * For each target between 1 and 2 bits the layer-level mix whose average over the weights is nearest;
 * ties go to the first in counting order. A target whose nearest mix is taken already gets none.
 */
export function layerMixes(weights: readonly number[], targets: readonly number[]): LayerMix[] {
  const total = weights.reduce((sum, n) => sum + n, 0);
  const all = Array.from({ length: 3 ** weights.length }, (_, code) => {
    const bits = weights.map((_, i) => 1 + (Math.floor(code / 3 ** i) % 3));
    const average = bits.reduce((sum, b, i) => sum + b * weights[i], 0) / total;
    return { bits, average };
  });
  const chosen = targets.map((target) =>
    all.reduce((best, mix) =>
      Math.abs(mix.average - target) < Math.abs(best.average - target) - 1e-12 ? mix : best,
    ),
  );
  return [...new Map(chosen.map((mix) => [mix.bits.join(), mix])).values()];
}

const settingId = (mix: LayerMix): string => `layers-${mix.bits.join('-')}`;

/** A mix of equal layers is the homogeneous setting, which figure 2b may have trained already. */
function settingOf(p: Profile, mix: LayerMix, seeds: readonly number[]): Setting {
  const [first] = mix.bits;
  const bits = mix.bits.every((b) => b === first)
    ? { weights: first }
    : { layerBits: [...mix.bits] };
  return { id: settingId(mix), config: { ...p.common, ...p.layerLevel?.network, ...bits }, seeds };
}

/** The mixes of the profile and the one nearest to 1.4 bits, which decides a claim. */
function plan(p: Profile): { mixes: LayerMix[]; near14?: LayerMix } {
  if (p.layerLevel === undefined) return { mixes: [] };
  const mixes = layerMixes(p.layerLevel.weights, paper.average_bits);
  const [near14] = layerMixes(p.layerLevel.weights, [1.4]);
  return { mixes, near14 };
}

/** On a network of its own §4.2's comparison needs its own middle-out run; else figure 2b's serves. */
function ownMiddleOut(p: Profile): Setting {
  const shared = JSON.stringify(p.layerLevel?.network) === JSON.stringify(p.figureNetwork);
  if (shared) return weightSettings.middleOut(p, 1.4);
  const config = { ...p.common, ...p.layerLevel?.network, weights: 1.4 };
  return { id: 'layer-network-mo-1.4', config, seeds: p.deciding };
}

function settings(p: Profile): Setting[] {
  const { mixes, near14 } = plan(p);
  if (near14 === undefined) return [];
  const ends = (mix: LayerMix): boolean => mix.average === 1 || mix.average === 2;
  const decides = (mix: LayerMix): boolean => settingId(mix) === settingId(near14) || ends(mix);
  return [
    ...mixes.map((mix) => settingOf(p, mix, decides(mix) ? p.deciding : p.layerOthers)),
    ownMiddleOut(p),
  ];
}

function conclude(p: Profile, results: SettingResults): StageResult {
  const { mixes, near14 } = plan(p);
  const rows = mixes.map((mix) => {
    const target = paper.average_bits.findIndex((a) => Math.abs(a - mix.average) < 0.05);
    return measuredRow(p, `layers ${mix.bits.join(',')}`, results, settingId(mix), {
      paper: paper.top1[target],
      columns: { 'average bits': Number(mix.average.toFixed(3)) },
    });
  });
  return {
    stage: 'figure3a',
    title: 'Figure 3a: one bitwidth for each layer',
    about:
      'In the networks of Figure 3a, all weights of a layer have the same number of bits. The setting “layers ' +
      '1,2,1,1” means 2 bits in the second of the four layers, and 1 bit in the others. The HBNN paper trained a ' +
      'network of four layers on CIFAR-10. We read the accuracies of the HBNN paper’s four-layer network off a ' +
      'plot. The table shows an accuracy of the HBNN paper beside ours if the average bits of the two networks ' +
      'differ by at most 0.05.',
    rows,
    claims: near14 ? claims(p, results, mixes, near14) : [],
    plots: [],
  };
}

function claims(
  p: Profile,
  results: SettingResults,
  mixes: readonly LayerMix[],
  near14: LayerMix,
): Claim[] {
  const layer = accuracies(results, settingId(near14));
  const mo = accuracies(results, ownMiddleOut(p).id);
  return [
    above(
      '3b',
      `1.4 bits by middle-out are above one bitwidth for each layer (${near14.bits.join(',')}; ${near14.average.toFixed(2)} bits)`,
      mo,
      layer,
    ),
    linearity(results, mixes),
  ];
}

/** Fit a straight line to accuracy against average bits and see what it leaves. */
function linearity(results: SettingResults, mixes: readonly LayerMix[]): Claim {
  const points = mixes.flatMap((mix) =>
    accuracies(results, settingId(mix)).map((y) => ({ x: mix.average, y })),
  );
  const id = '3c';
  const claim =
    'With one bitwidth for each layer, accuracy grows about linearly with the average bits';
  if (points.length < 4) return { id, claim, verdict: 'undecided', because: 'too few runs' };
  const mx = mean(points.map(({ x }) => x));
  const my = mean(points.map(({ y }) => y));
  const slope =
    points.reduce((sum, { x, y }) => sum + (x - mx) * (y - my), 0) /
    points.reduce((sum, { x }) => sum + (x - mx) ** 2, 0);
  const rest = points.map(({ x, y }) => y - my - slope * (x - mx));
  const spread = deviation(rest) ?? 0;
  const explained = 1 - (spread / (deviation(points.map(({ y }) => y)) ?? 1)) ** 2;
  const enough = 0.5;
  const bend = curvature(
    points.map(({ x }) => x - mx),
    rest,
  );
  const straight = explained >= enough && slope > 0 && bend.p > significance;
  const bent = bend.p <= significance;
  return {
    id,
    claim,
    verdict: straight ? 'holds' : bent ? 'does not hold' : 'undecided',
    because:
      `the straight line fitted to ${points.length} trainings changes by ${pointsText(slope)} points per bit and ` +
      `explains ${(100 * explained).toFixed(0)} % of the variance; the accuracies have a curvature of ` +
      `${pointsText(bend.quadratic)} points per bit², ${pEquation(bend.p)} (the claim holds if the line rises and ` +
      `explains at least ${100 * enough} %, and the curvature is not significant at 5 %)`,
  };
}

export const figure3a: Stage = { name: 'figure3a', settings, conclude };
