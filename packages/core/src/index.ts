export {
  type Batch,
  type BatchSource,
  checkBatch,
  checkNormalization,
  checkPixelStatistic,
  checkSource,
} from './batches.ts';
export {
  type BitMap,
  bitCounts,
  bitMapFrom,
  type Heuristic,
  heuristics,
  type Select,
  selectBits,
} from './bitMap.ts';
export {
  checkCallback,
  checkFlag,
  checkOptions,
  checkWhole,
  chosenName,
  nearestName,
  suggestion,
} from './choice.ts';
export { HbnnError, kindOf } from './error.ts';
export {
  type MapPer,
  parseMapPer,
  parseScalePer,
  type ScalePer,
  unitCount,
} from './granularity.ts';
export { type Geometry, geometry, type Layout, layouts } from './layout.ts';
export {
  allocate,
  averageBits,
  checkMix,
  distFromAverage,
  type Mix,
  maxBitwidth,
  mixOf,
  paperMixes,
  parseMix,
} from './mix.ts';
export { decodeNpy, encodeNpy, type NpyArray } from './npy.ts';
export { outputsFirst, residualOutputsFirst } from './outputsFirst.ts';
export {
  checkSeed,
  checkSeedOrText,
  isSeed,
  permutation,
  type Random,
  random,
  seedRange,
} from './random.ts';
export {
  approximate,
  binarize,
  distance,
  type Plane,
  type ResidualTensor,
} from './residual.ts';
export {
  allowedMultiples,
  type MultipleScales,
  nearestMultiples,
  parseScaleForm,
  type ScaleForm,
} from './scaleForm.ts';
export { signBit, signOf } from './sign.ts';
export { storedBits } from './storedBits.ts';
export { type FloatTensor, floatTensor } from './tensor.ts';
