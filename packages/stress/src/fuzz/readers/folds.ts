import { type Fold, type FoldTable, foldedDesign } from '@hbnn/circuit';
import { readFoldRequest } from '@hbnn/cli/readers';
import { HbnnError } from '@hbnn/core';
import { randomModel } from '@hbnn/model';
import { placed } from '../placed.ts';
import { bytesOfText, holds, type Reader } from '../reader.ts';

const model = randomModel('folds', { layer: 'conv:4x4x2,k2x2,o4' });
const layer = model.layers.find(({ kind }) => kind === 'conv')?.name ?? '';

export const reader = (): Promise<Reader<Fold>> =>
  Promise.resolve({
    form: 'json',
    seeds: [
      { [layer]: { pe: 2, simd: 4 } },
      { [layer]: { pe: 1, simd: 1 } },
      { [layer]: 'constant' },
    ].map((table) => bytesOfText(JSON.stringify(table))),
    words: ['constant', 'pe', 'simd', layer],
    read(bytes) {
      const request = readFoldRequest(placed('folds.json', bytes));
      if (request.kind !== 'table')
        throw new HbnnError('input: expected a table of folds; give one');
      const { layers } = foldedDesign(model, { folds: request.table });
      const { fold } = layers.find((each) => each.layer === layer) ?? {};
      if (fold === undefined) throw new Error(`a design without a fold of ${layer}`);
      return { pe: fold.pe, simd: fold.simd };
    },
    check(built, bytes) {
      const wanted = JSON.parse(Buffer.from(bytes).toString('utf8')) as FoldTable;
      if (wanted[layer] === undefined) return;
      holds(
        Object.keys(wanted).every((name) => name === layer),
        'no folds of layers that are not there',
      );
      const { pe, simd } = wanted[layer] === 'constant' ? { pe: 4, simd: 8 } : wanted[layer];
      holds(built.pe === pe && built.simd === simd, 'the fold that the file says');
    },
  });
