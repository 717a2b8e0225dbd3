export { type JoinLayer, joinTerms } from './branches.ts';
export { type Census, census, type StepCensus } from './census/census.ts';
export type { Operations } from './census/operations.ts';
export { type CheckedLayer, type CheckedModel, checkModel } from './checkModel.ts';
export { type FileLoops, plainLoops, type SignLayout } from './file/fileLoops.ts';
export {
  decodeModel,
  encodeModel,
  encodeWithSize,
  type ModelSize,
  type ModelSource,
  readModel,
  type WebByteStream,
} from './file/modelFile.ts';
export {
  type AddLayer,
  type ConcatLayer,
  type ConvLayer,
  channelThresholds,
  codeValues,
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
  rowLength,
  type SumPoolLayer,
  type ThresholdLayer,
  treeSize,
  weightCount,
  weightValues,
} from './integerModel.ts';
export {
  type Feature,
  type Interpreter,
  interpreter,
  type LayerStep,
  layerStep,
  type Watch,
} from './interpreter.ts';
export { type Lowered, type LowerOptions, lower } from './lower/lower.ts';
export type { LoweredLayer } from './lower/lowerState.ts';
export { countImages, pixelsFromRgba, type RgbaImage } from './pixels.ts';
export { type InputMapPer, type RandomLayerOptions, randomModel } from './randomModel.ts';
export {
  maxWeightCode,
  type TrainedLayer,
  type TrainedModel,
  type TrainedWeights,
  type WeightCodes,
} from './trainedModel.ts';
export {
  noPadding,
  spanUnder,
  underTap,
  type Window,
  type WindowTap,
  windowOf,
  windowTaps,
} from './windows.ts';
