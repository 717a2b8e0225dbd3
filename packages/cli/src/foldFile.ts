import { type FoldRequest, type FoldTable, foldForms, parseFoldRequest } from '@hbnn/circuit';
import { HbnnError } from '@hbnn/core';
import { parsedJson, readText } from './textFile.ts';

const orFile = 'or a file of JSON: {"layer": {"pe": 4, "simd": 9}}';
/** What --fold takes in `hbnn estimate`. */
export const foldHelp = `${foldForms}, ${orFile}`;
/** The same in `hbnn verilog`, where no device is named whose size could be filled. */
export const foldHelpWithoutDevice = `${foldForms.replace('largest, ', '')}, ${orFile}`;

/** What --fold asks for: a form of its own, or a table of a file. */
export type ReadFoldRequest = FoldRequest | { readonly kind: 'table'; readonly table: FoldTable };

/** Read --fold: what is none of its forms is the name of a file. @throws HbnnError for neither */
export const readFoldRequest = (text: string): ReadFoldRequest =>
  parseFoldRequest(text) ?? { kind: 'table', table: readFoldFile(text) };

/** Read folds by layer: `{"conv1": {"pe": 4, "simd": 9}, "fc": "constant"}`. @throws HbnnError for anything else */
function readFoldFile(file: string): FoldTable {
  const [place, wayOut] = [`--fold: ${file}`, `give JSON of folds by layer, or ${foldForms}`];
  return foldTable(parsedJson(readText(file, wayOut, place), place, wayOut), file);
}

/** Check that a value is a table of folds. @throws HbnnError where it is none */
export function foldTable(table: unknown, where: string): FoldTable {
  const sound =
    typeof table === 'object' &&
    table !== null &&
    !Array.isArray(table) &&
    Object.values(table).every((fold) => fold === 'constant' || isFold(fold));
  if (!sound)
    throw new HbnnError(
      `${where}: expected {"layer": {"pe": 4, "simd": 9}, "other": "constant"}, got something else; name layers as the model does`,
    );
  return table as FoldTable;
}

const isFold = (fold: unknown): boolean =>
  typeof fold === 'object' &&
  fold !== null &&
  ['pe', 'simd'].every((name) => Object.hasOwn(fold, name)) &&
  Object.entries(fold).every(
    ([name, value]) => ['pe', 'simd', 'planes'].includes(name) && Number.isSafeInteger(value),
  );
