export {
  fitMeasurements,
  modelOf,
  type StepFit,
  type UnrolledMeasurement,
} from './calibrate.ts';
export {
  type Device,
  device,
  devices,
  type Family,
  findDevice,
  nearestName,
} from './devices.ts';
export { type FinnNetwork, finnNetworks } from './finnNetworks.ts';
export {
  estimateFolded,
  type FoldedEstimate,
  foldedAtRate,
  foldedCoefficients,
  foldsAtRate,
  largestFolded,
} from './folded.ts';
export { estimateFoldedAsic, type FoldedAsic } from './foldedAsic.ts';
export { checkFolds, type Fold, type FoldedLayer, foldedLayers, parseFolds } from './folding.ts';
export { type CellFile, cellFile } from './liberty/cellFile.ts';
export {
  type CellRole,
  cellOfRole,
  type LibertyCell,
  type LibertyLibrary,
  type LibertyPin,
  type ReadLibertyOptions,
  readLiberty,
} from './liberty/cells.ts';
export { type LibertyGroup, parseLiberty, type ReadInclude } from './liberty/parse.ts';
export { tournamentAreas } from './measuredParts.ts';
export { type Quantity, quantity, type Source, type Trust } from './quantity.ts';
export { areaFactor, energyFactor, scalingNodes, usualVoltage } from './scaling.ts';
export {
  builtInTechnology,
  libertyTechnology,
  type MemoryTechnology,
  type Technology,
} from './technology.ts';
export {
  ofModelledLayers,
  type PartEstimate,
  type PartQuantity,
  unmodelledLayers,
} from './unmodelled.ts';
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
} from './unrolled.ts';
export {
  styleOf,
  type UnrolledCircuit,
  type UnrolledCoefficients,
  unrolledCoefficients,
} from './unrolledCoefficients.ts';
export {
  type StepCounts,
  unrolledCounts,
} from './unrolledCounts.ts';
