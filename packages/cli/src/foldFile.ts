import { readFileSync } from 'node:fs';
import type { FoldTable } from '@hbnn/circuit';
import { HbnnError } from '@hbnn/core';

/** Read folds by layer: `{"conv1": {"pe": 4, "simd": 9}, "fc": "constant"}`. @throws HbnnError for anything else */
export function readFoldFile(file: string): FoldTable {
  let table: unknown;
  try {
    table = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new HbnnError(
      `${file}: expected JSON of folds by layer, got: ${(error as Error).message}`,
    );
  }
  const sound =
    typeof table === 'object' &&
    table !== null &&
    !Array.isArray(table) &&
    Object.values(table).every((fold) => fold === 'constant' || isFold(fold));
  if (!sound)
    throw new HbnnError(
      `${file}: expected {"layer": {"pe": 4, "simd": 9}, "other": "constant"}, got something else; name layers as the model does`,
    );
  return table as FoldTable;
}

const isFold = (fold: unknown): boolean =>
  typeof fold === 'object' &&
  fold !== null &&
  ['pe', 'simd'].every((name) => Number.isSafeInteger(Reflect.get(fold, name)));
