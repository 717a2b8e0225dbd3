import { existsSync, readdirSync, statSync } from 'node:fs';
import { estimateAdders, type Fold, foldText } from '@hbnn/circuit';
import type { CheckedModel } from '@hbnn/model';
import type { RunConfig } from '@hbnn/train';
import { commandName, shellWord } from './output.ts';

/** Adders of an unrolled design that is written, read back and synthesized in minutes. */
const maxUnrolled = 200_000;

/** Whether a model's hardware is small enough to be offered unrolled. */
export const isSmallUnrolled = (model: CheckedModel): boolean =>
  estimateAdders(model.checkedLayers).reduce((sum, { adders }) => sum + adders, 0) <= maxUnrolled;

/** A command line of hbnn, its words as a shell takes them. */
export const hbnnLine = (...words: readonly string[]): string =>
  `${commandName()} ${words.map(shellWord).join(' ')}`;

/** The command line that writes a model's Verilog: unrolled where that is small, else folded. */
export function verilogLine(model: CheckedModel, file: string): string {
  const style = isSmallUnrolled(model) ? [] : ['--style', 'folded'];
  return hbnnLine('verilog', '--model', file, '--out', freeRtlFolder(), ...style);
}

/** The command line that estimates a model before its Verilog is written: unrolled where that is small, else folded. */
export const modelEstimateLine = (model: CheckedModel, file: string): string =>
  `${estimateLine(file)}${isSmallUnrolled(model) ? '' : ' --fold largest'}`;

/**
 * The command line that estimates a model's hardware on an FPGA.
 *
 * @param folds those of a folded design, in the order of its layers with weights; none of an unrolled one
 */
export function estimateLine(
  file: string,
  folds: readonly (Fold | 'constant')[] = [],
  target = 'zc706',
): string {
  const each = folds.map((fold) => (fold === 'constant' ? fold : foldText(fold)));
  const folded = each.length === 0 ? [] : ['--fold', each.join(',')];
  return hbnnLine('estimate', '--model', file, '--target', target, ...folded);
}

/** A folder that `hbnn verilog` may write: none yet, an empty one, or one of an earlier call. */
export function freeRtlFolder(): string {
  for (let n = 1; ; n++) {
    const name = n === 1 ? 'rtl' : `rtl-${n}`;
    const stat = statSync(name, { throwIfNoEntry: false });
    if (stat === undefined) return name;
    if (!stat.isDirectory()) continue;
    const files = readdirSync(name);
    if (files.includes('hbnn.json') || !files.some((file) => /\.(v|hex)$/.test(file))) return name;
  }
}

/** The first of `name`, `name-2`, … that does not exist, so that nothing is replaced. */
export function freeFolder(name: string): string {
  for (let n = 1; ; n++) {
    const folder = n === 1 ? name : `${name}-${n}`;
    if (!existsSync(folder)) return folder;
  }
}

/** Whether `hbnn lower` takes a run: inputs with constant maps, or float ones, and no other paper's quantizer. */
export const canLower = ({ inputs, inputMap, quantizer }: RunConfig): boolean =>
  (inputs === 'float' || inputMap === 'static') && quantizer === undefined;

/** A run folder's name without the slashes at its end, for names of files beside it. */
export const besideRun = (folder: string): string => folder.replace(/(?<=.)\/+$/, '');

/** The command line that turns a run into an integer model. */
export const lowerLine = (folder: string): string =>
  hbnnLine('lower', '--run', folder, '--out', `${besideRun(folder)}.hbnn`);

/** The command line that measures a run's integer model; none where `hbnn eval` cannot make the run's images. */
export function evalLine(model: string, { data, from, shrink }: RunConfig): string | undefined {
  if (shrink !== undefined && shrink !== 1) return undefined;
  const place = from === undefined ? [] : ['--from', from];
  return hbnnLine('eval', '--model', model, '--data', data, ...place);
}
