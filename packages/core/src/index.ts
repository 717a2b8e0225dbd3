export type { Batch, BatchSource } from './batches.ts';
export { type Binarizer, type BinarizerSpec, binarizer } from './binarizer.ts';
export {
  type BitMap,
  bitCounts,
  bitMapFrom,
  type Heuristic,
  heuristics,
  type Select,
  selectBits,
} from './bitMap.ts';
export { type Census, census, type Operations, type StepCensus } from './census.ts';
export { chosenName, nearestName, suggestion } from './choice.ts';
export { HbnnError } from './error.ts';
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
  distFromAverage,
  type Mix,
  mixOf,
  paperMixes,
  parseMix,
} from './mix.ts';
export {
  type AdderStyle,
  type Compression,
  compressForUses,
  compressToNumber,
} from './model/compression.ts';
export {
  type ConvLayer,
  type DenseLayer,
  type DepthwiseLayer,
  type FeatureShape,
  featureCount,
  type Int8Weights,
  type IntegerLayer,
  type IntegerModel,
  type IntegerWeights,
  type MaxPoolLayer,
  type Padding4,
  type Pair,
  type PlaneWeights,
  type RequantizeLayer,
  type SumPoolLayer,
  type ThresholdLayer,
  weightCount,
  weightValues,
} from './model/integerModel.ts';
export { type Lowered, type LoweredLayer, type LowerOptions, lower } from './model/lower.ts';
export {
  decodeModel,
  encodeModel,
  encodeWithSize,
  type ModelSize,
  type ModelSource,
  readModel,
  type WebByteStream,
} from './model/modelFile.ts';
export { type PlannedLayer, planModel } from './model/plan.ts';
export { type InputMapPer, type RandomLayerOptions, randomModel } from './model/randomModel.ts';
export {
  type Feature,
  type Interpreter,
  interpreter,
  type LayerStep,
  layerStep,
  type Watch,
} from './model/run.ts';
export { planSums, type SumPart, type SumPlan } from './model/sumPlan.ts';
export type { TrainedLayer, TrainedModel, TrainedWeights } from './model/trainedModel.ts';
export { decodeNpy, encodeNpy, type NpyArray } from './npy.ts';
export { type OptimalOptions, optimal } from './optimal.ts';
export { outputsFirst, residualOutputsFirst } from './outputsFirst.ts';
export { permutation, type Random, random } from './random.ts';
export {
  approximate,
  binarize,
  distance,
  type Plane,
  type ResidualTensor,
  storedBits,
} from './residual.ts';
export {
  allowedMultiples,
  type MultipleScales,
  nearestMultiples,
  parseScaleForm,
  type ScaleForm,
} from './scaleForm.ts';
export { signBit, signOf } from './sign.ts';
export { type FloatTensor, floatTensor } from './tensor.ts';
