export {
  type ArrayImages,
  type ArrayPart,
  arrayDataset,
  type FloatPixels,
  type NumberArray,
  type ShapedArray,
} from './arrays.ts';
export type { Dataset, OpenOptions } from './dataset.ts';
export { type IdxArray, type IdxFiles, idxDataset, idxFilesIn, readIdx } from './idx.ts';
export { isImageName } from './imageFiles.ts';
export { pngOf, readPicture } from './picture.ts';
export {
  cacheFolder,
  datasets,
  fetchDataset,
  ignoredOptions,
  openDataset,
} from './registry.ts';
