export {
  type ImportedNetwork,
  importNetwork,
  type NetworkFormat,
  type NetworkOrigin,
} from './importNetwork.ts';
