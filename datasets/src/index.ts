export type { Dataset, OpenOptions } from './dataset.ts';
export { cacheFolder, datasets, fetchDataset, openDataset } from './registry.ts';
