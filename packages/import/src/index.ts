export type { ImportedNetwork, NetworkFormat, NetworkOrigin } from './folder/importedNetwork.ts';
export {
  checkFree,
  inputShapeOf,
  isNetworkFolder,
  type Normalization,
  openNetwork,
  type StoredNetwork,
  saveNetwork,
} from './folder/networkFolder.ts';
export { normalizedAs } from './folder/normalizedAs.ts';
export { type ImportOptions, importNetwork } from './importNetwork.ts';
