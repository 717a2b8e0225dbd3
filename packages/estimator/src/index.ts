export { type Device, device, devices, type Family } from './devices.ts';
export { type FinnNetwork, finnNetworks } from './finnNetworks.ts';
export {
  estimateFolded,
  type FoldedEstimate,
  foldedCoefficients,
  largestFolded,
} from './folded.ts';
export { checkFolds, type Fold, type FoldedLayer, foldedLayers, parseFolds } from './folding.ts';
export {
  type CellRole,
  cellOfRole,
  type LibertyCell,
  type LibertyLibrary,
  type LibertyPin,
  readLiberty,
} from './liberty/cells.ts';
export { type LibertyGroup, parseLiberty } from './liberty/parse.ts';
export { type Quantity, quantity, type Source, type Trust } from './quantity.ts';
