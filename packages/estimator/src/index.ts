export { type CellFile, cellFile } from './cells/liberty/cellFile.ts';
export {
  type CellRole,
  cellOfRole,
  type LibertyCell,
  type LibertyLibrary,
  type LibertyPin,
  type ReadLibertyOptions,
  readLiberty,
} from './cells/liberty/liberty.ts';
export { type LibertyGroup, parseLiberty, type ReadInclude } from './cells/liberty/parse.ts';
export { areaFactor, energyFactor, scalingNodes, usualVoltage } from './cells/scaling.ts';
export {
  builtInTechnology,
  libertyTechnology,
  type MemoryTechnology,
  type Technology,
} from './cells/technology.ts';
export { type Device, device, devices, findDevice } from './devices.ts';
export { type FinnNetwork, finnNetworks } from './folded/finnNetworks.ts';
export {
  estimateFolded,
  type FoldedEstimate,
  foldedAtRate,
  foldedCoefficients,
  foldsAtRate,
  largestFolded,
} from './folded/folded.ts';
export { estimateFoldedAsic, type FoldedAsic } from './folded/foldedAsic.ts';
export { type FoldedLayer, foldedLayers } from './folded/folding.ts';
export { type ScheduledPace, scheduledPace } from './folded/scheduledCycles.ts';
export {
  ofBranches,
  ofModelledLayers,
  type PartEstimate,
  type PartQuantity,
  unmodelledLayers,
} from './folded/unmodelled.ts';
export { type Quantity, quantity, quantityOrNone, type Source, type Trust } from './quantity.ts';
export {
  estimateRtl,
  type RtlEstimate,
  type RtlLayer,
  rtlFamilies,
} from './rtl/estimateRtl.ts';
export { fitRtl, type MeasuredModule } from './rtl/rtlFit.ts';
export { designForFamily, foldsWithinLuts, type RtlFolds } from './rtl/rtlFolds.ts';
export { type RtlModule, rtlModules } from './rtl/rtlModules.ts';
export {
  fitMeasurements,
  modelOf,
  type StepFit,
  type UnrolledMeasurement,
} from './unrolled/calibrate.ts';
export {
  type UnrolledCoefficients,
  unrolledCoefficients,
} from './unrolled/coefficients.ts';
export { unrolledCounts } from './unrolled/counts.ts';
export { tournamentAreas } from './unrolled/measuredParts.ts';
export { EstimateMemo } from './unrolled/memo.ts';
export { pipelineRegisters, type StepRegisters } from './unrolled/pipelineRegisters.ts';
export type { StepCounts } from './unrolled/steps.ts';
export {
  type Activity,
  type AsicOptions,
  estimateAsic,
  estimateUnrolled,
  type StepArea,
  type UnrolledArea,
  type UnrolledAsic,
  type UnrolledFpga,
  unrolledArea,
} from './unrolled/unrolled.ts';
