export { maxWeightCode } from '@hbnn/model';
export {
  type Augmentation,
  type AugmentationDraw,
  augmentationDraw,
  augmented,
} from './augment.ts';
export { type BackendChoice, type BackendName, backendNames } from './backend/names.ts';
export { useBackend } from './backend/useBackend.ts';
export { type BinarizeOptions, binarizeModel as binarize } from './binarizeModel.ts';
export {
  configDifference,
  precisionOf,
  type RunConfig,
  type RunConfigInput,
  runConfig,
} from './config.ts';
export { type Evaluation, evaluate, recalibrate } from './evaluate.ts';
export {
  type ExportOptions,
  exportModel,
  type IntegerForm,
  integerForms,
} from './exportModel.ts';
export { type FineTuneOptions, fineTune } from './fineTune.ts';
export { type EpochSummary, type FitOptions, fit, startState, type TrainState } from './fit.ts';
export { BatchNorm, type BatchNormConfig } from './layers/batchNorm.ts';
export {
  BinarizedConv2D,
  type BinarizedConv2DConfig,
  BinarizedDense,
  type BinarizedDenseConfig,
  BinarizedDepthwiseConv2D,
  type BinarizedDepthwiseConv2DConfig,
  BinarizedLayer,
  type BinarizedLayerConfig,
  binarizedLayers,
} from './layers/binarized.ts';
export type { CallContext } from './layers/context.ts';
export { HardSwish } from './layers/hardSwish.ts';
export { PaddedAveragePooling2D, PaddedMaxPooling2D } from './layers/paddedPool.ts';
export {
  averageWeightBits,
  QuantizedConv2D,
  type QuantizedConv2DConfig,
  QuantizedDense,
  type QuantizedDenseConfig,
  QuantizedDepthwiseConv2D,
  type QuantizedDepthwiseConv2DConfig,
  QuantizedLayer,
  type QuantizedLayerConfig,
  quantizedLayers,
} from './layers/quantized.ts';
export { ScalarScale } from './layers/scalarScale.ts';
export { type LayerValues, layerValues } from './layerValues.ts';
export { type AlexNetOptions, alexNetBn, alexNetFull, alexNetSmall } from './networks/alexnetBn.ts';
export { countNetwork, type LayerCount } from './networks/counts.ts';
export { type Fcn4Options, fcn4 } from './networks/fcn4.ts';
export {
  type MobileNetOptions,
  mobileNet,
  mobileNetFull,
  mobileNetSmall,
} from './networks/mobileNet.ts';
export { NetworkBuilder, type NetworkShape } from './networks/network.ts';
export {
  type NetworkName,
  networkNames,
  networks,
  takesWidthMultiplier,
} from './networks/registry.ts';
export { type Vgg8Options, vgg8, vgg8Full, vgg8Small } from './networks/vgg8.ts';
export { batchNormInfer, batchNormTrain } from './ops/batchNorm.ts';
export { type BinarizedInputs, binarizeInputs, type InputMap } from './ops/binarizeInputs.ts';
export { binarizeWeights } from './ops/binarizeWeights.ts';
export { sgdMomentum } from './ops/sgdMomentum.ts';
export { SgdMomentum, type TrainedVariable } from './optimizer.ts';
export { initialize, parametersOf } from './parameters.ts';
export {
  describePrecision,
  type InputPrecision,
  inputPrecision,
  type NetworkPrecision,
  type Precision,
  parseBits,
  type WeightPrecision,
  weightPrecision,
} from './precision.ts';
export {
  fewerImages,
  type LayerSensitivity,
  type QuantizedModel,
  type QuantizedShape,
  type QuantizeOptions,
  quantizedCopy,
  quantizeModel as quantize,
} from './quantize/quantizeModel.ts';
export {
  type LayerQuantizers,
  type Method,
  type MethodName,
  methodKinds,
  methodNamed,
  methodNames,
} from './quantizers/methods.ts';
export type {
  InputQuantizer,
  LearnedNumber,
  QuantizerCall,
  WeightQuantizer,
} from './quantizers/quantizer.ts';
export { type MetricsLine, readMetrics } from './run/metrics.ts';
export { readModelWeights, writeModelWeights } from './run/modelWeights.ts';
export { buildNetwork, openRun } from './run/openRun.ts';
export { storedConfig } from './run/runFolder.ts';
export { FolderLost, lockRunFolder } from './run/runLock.ts';
export type { Progress, RunOptions, RunResult } from './run/runResult.ts';
export { type RunSources, runTraining, weightsDigest } from './run/runTraining.ts';
export type { BestEpoch } from './run/validate.ts';
export { learningRateAt, type Schedule } from './schedule.ts';
export { type NamedArray, readTensorFile, writeTensorFile, writeWhole } from './tensorFile.ts';
export {
  forgetWeightGrids,
  setWeightGrids,
  type WeightGrid,
  type WeightGrids,
  weightGridsOf,
} from './weightGrids.ts';
