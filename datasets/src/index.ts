export type { Dataset, OpenOptions } from './dataset.ts';
export { cacheFolder, datasets, fetchDataset, ignoredOptions, openDataset } from './registry.ts';
