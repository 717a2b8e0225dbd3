// Kernels of integer models. All pointers are byte offsets into the imported memory, in places that src/inference chooses.
// The module has no globals and no data segment.
export {
  maxPool16, maxPool32, narrow, readPixels, requantize16, requantize32, requantizeShort, sumPool16, sumPool32,
  threshold16, threshold32, widen, writeScores16, writeScores32,
} from './inference/featureMaps';
export { addScaled16, addScaled32, copyBytes } from './inference/joins';
export { gather32, gatherPairs, gatherRows } from './inference/gather';
export { multiply32, multiplyPairs } from './inference/values';
export { depthwise16, depthwise32, depthwiseNibbles, depthwisePairs } from './inference/depthwise';
export { countMembers, gatherBits, multiplyBits } from './inference/bits';
export { gatherBytes, multiplyByteCodes, multiplyByteQuads } from './inference/bytes';
export { multiplyCodes } from './inference/codes';
export { multiplyQuads } from './inference/dot';
export { borderPixels, multiplyPixels, probeDot } from './inference/pixels';
export { gatherNibbles } from './inference/gatherNibbles';
export { lookup, repeatLookup, startSums } from './inference/lookup';
export { thresholdNibbles } from './inference/nibbles';
export { addSigns, countAbove, decodeWidths, writeRanks, writeSlots } from './inference/decoding';
export { layQuads, lookThrough, packBits, packCodes, planRuns, readCodes, sumCodes, sumProducts } from './inference/packing';
