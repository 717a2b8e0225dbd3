export { readFoldRequest } from './foldFile.ts';
export { readCellFile, readLibertyFile } from './libertyFile.ts';
export { designOf, readRtl, writeRtl } from './rtlFolder.ts';
export { settings } from './trainSettings.ts';
export { unreadable } from './unreadable.ts';
