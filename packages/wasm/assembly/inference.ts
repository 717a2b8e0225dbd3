// Kernels of integer models. All pointers are byte offsets into the imported memory, which src/model plans; no
// globals, no data segment.
export {
  maxPool16, maxPool32, narrow, readPixels, requantize16, requantize32, sumPool16, sumPool32,
  threshold16, threshold32, widen, writeScores16, writeScores32,
} from './model/featureMaps';
export { gather32, gatherPairs, gatherRows } from './model/gather';
export { multiply32, multiplyPairs } from './model/values';
export { depthwise16, depthwise32, depthwisePairs } from './model/depthwise';
export { countMembers, gatherBits, multiplyBits } from './model/bits';
export { multiplyQuads } from './model/dot';
export { gatherNibbles } from './model/gatherNibbles';
export { lookup, repeatLookup, startSums } from './model/lookup';
export { unpackGroup } from './model/packed';
export { thresholdNibbles } from './model/nibbles';
