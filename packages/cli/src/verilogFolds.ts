import {
  chooseFolds,
  defaultFolds,
  type FoldRequest,
  type FoldTable,
  foldTable,
} from '@hbnn/circuit';
import { HbnnError } from '@hbnn/core';
import { findDevice, foldsWithinLuts } from '@hbnn/estimator';
import type { CheckedModel } from '@hbnn/model';
import { readFoldRequest } from './foldFile.ts';
import { checkMegahertz, decimal, wholeNumber } from './numbers.ts';
import { numberText } from './output.ts';
import { canFoldByEstimate } from './rtlFigures.ts';

/** Options of `hbnn verilog` that say how to fold. */
export interface FoldOptions {
  readonly fold?: string;
  readonly fps?: string;
  readonly clock?: string;
  readonly luts?: string;
  /** Whether a clock is for constraints too, so that it may be given without a rate. */
  readonly projectFiles?: boolean;
}

/** Options with how sums are made. */
interface Choice extends FoldOptions {
  readonly style: 'gates' | 'xc7';
}

/** The folds of a design. */
export interface VerilogFolds {
  readonly folds: FoldTable;
  /** What they were chosen for, where nobody said it, or what they are estimated to take. */
  readonly about?: string;
}

/** The folds that options ask for, or those by default. @throws HbnnError naming the option */
export function foldsFor(
  model: CheckedModel,
  o: FoldOptions,
  style: 'gates' | 'xc7' = 'gates',
): VerilogFolds {
  if (o.fps !== undefined && o.luts !== undefined)
    throw new HbnnError('--fps, --luts: expected one of them, got both; leave one of them out');
  const goal = goalOf(o);
  const choice = { ...o, style };
  const request = o.fold === undefined ? undefined : readFoldRequest(o.fold);
  if (request?.kind === 'table') return completed(model, request.table, goal, choice);
  if (request !== undefined && goal !== undefined)
    throw new HbnnError(
      '--fold, --fps, --luts: expected one of them, got more; leave all but one out',
    );
  return foldsOf(model, request ?? goal, choice);
}

/** The folds of a table, and for layers that it leaves out those that are chosen without it. */
function completed(
  model: CheckedModel,
  table: FoldTable,
  goal: FoldRequest | undefined,
  o: Choice,
): VerilogFolds {
  const left = model.layers.some(
    (layer) => 'weights' in layer && !Object.hasOwn(table, layer.name),
  );
  if (left) {
    const chosen = foldsOf(model, goal, o);
    return { ...chosen, folds: { ...chosen.folds, ...table } };
  }
  if (goal !== undefined)
    throw new HbnnError(
      `--${o.fps === undefined ? 'luts' : 'fps'}: has no effect where --fold has all layers with weights; leave one of them out`,
    );
  checkClock(undefined, o);
  return { folds: table };
}

function checkClock(request: FoldRequest | undefined, o: FoldOptions): void {
  const isRate = request?.kind === 'rate';
  if (!isRate && o.projectFiles) return;
  if (isRate !== (o.clock !== undefined))
    throw new HbnnError(
      '--fold fps:RATE, --fps: expected it together with --clock, got one of them alone; give both, as in --fps 450 --clock 100',
    );
}

/** The folds of all layers with weights that a request asks for; without one, those by default. */
function foldsOf(model: CheckedModel, request: FoldRequest | undefined, o: Choice): VerilogFolds {
  checkClock(request, o);
  if (request === undefined) return foldsByDefault(model);
  const names = model.layers.filter((layer) => 'weights' in layer).map(({ name }) => name);
  switch (request.kind) {
    case 'largest':
      throw new HbnnError(
        '--fold largest: expected luts:N, fps:RATE or PExSIMD per layer, as no device is named whose size could be filled; give luts:N',
      );
    case 'rate': {
      const clock = decimal(o.clock ?? '', '--clock');
      if (!(clock > 0))
        throw new HbnnError(`--clock: expected megahertz above 0, got ${o.clock}; give the clock`);
      checkMegahertz(clock, '--clock', o.clock);
      return { folds: chooseFolds(model, { cycles: (clock * 1e6) / request.framesPerSecond }) };
    }
    case 'luts': {
      const place = o.luts === undefined ? '--fold luts' : '--luts';
      return withinLuts(model, request.luts, o.style, place);
    }
    case 'each':
      return { folds: foldTable(names, request.folds, '--fold') };
    default:
      return request satisfies never;
  }
}

/** Choose folds for a number of LUTs by the estimate of their Verilog. Plain gates are counted in LUTs of four inputs. */
function withinLuts(
  model: CheckedModel,
  luts: number,
  style: Choice['style'],
  place: string,
): VerilogFolds {
  const family = style === 'xc7' ? 'xc7' : 'ecp5';
  const device = findDevice(family);
  if (device === undefined || !canFoldByEstimate(model, device))
    return { folds: chooseFolds(model, { luts }, place) };
  const { folds, luts: taken, nextLuts } = foldsWithinLuts(model, luts, family, place);
  const tables = style === 'xc7' ? 'LUTs' : 'LUTs of four inputs';
  const next =
    nextLuts === undefined
      ? `; none that take more, and no more than ${numberText(luts)}, were found`
      : `; the next larger ones that were tried take ${numberText(Math.round(nextLuts))}`;
  const why = taken < promisedPart * luts ? next : '';
  return { folds, about: `estimated to take ${numberText(Math.round(taken))} ${tables}${why}` };
}

/** Folds that take less of the LUTs than this say why. */
const promisedPart = 0.9;

function foldsByDefault(model: CheckedModel): VerilogFolds {
  const { folds, luts, minLuts, isLarge } = defaultFolds(model);
  const of = `the fewest cycles within about ${numberText(luts)} LUTs`;
  const why = isLarge ? `, as one lane per layer takes ${numberText(minLuts)} of them` : '';
  return { folds, about: `${of}${why} (by default; --luts, --fps or --fold choose others)` };
}

/** `--fps N` is `--fold fps:N`, and `--luts N` is `--fold luts:N`; undefined where neither is typed. */
function goalOf({ fps, luts }: FoldOptions): FoldRequest | undefined {
  if (luts !== undefined) return { kind: 'luts', luts: wholeNumber(luts, '--luts') };
  if (fps === undefined) return undefined;
  const framesPerSecond = decimal(fps, '--fps');
  if (!(framesPerSecond > 0))
    throw new HbnnError(`--fps: expected images per second above 0, got ${fps}; ask for more`);
  return { kind: 'rate', framesPerSecond };
}
