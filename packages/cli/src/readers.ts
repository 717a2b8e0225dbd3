export { readFoldRequest } from './foldFile.ts';
export { designOf, readRtl, writeRtl } from './rtlFolder.ts';
export { settings } from './trainSettings.ts';
