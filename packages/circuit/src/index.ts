export type { PlacedBits } from './folded/beatLogic.ts';
export {
  chooseFolds,
  type DefaultFolds,
  defaultFolds,
  type FoldGoal,
  foldedCycles,
} from './folded/chooseFolds.ts';
export { type FoldedDesign, foldedDesign } from './folded/foldedDesign.ts';
export type { FoldedOptions } from './folded/foldedOptions.ts';
export {
  checkFolds,
  type Fold,
  type FoldMatrix,
  type FoldRequest,
  type FoldTable,
  foldCycles,
  foldForms,
  foldsOf,
  foldTable,
  foldText,
  lutsPerLane,
  parseFoldRequest,
} from './folded/folds.ts';
export { type Chain, chainsOf, keepRom } from './folded/gathering.ts';
export { choiceBits } from './folded/lanesAtOnce.ts';
export { controlBits, runFields } from './folded/matrixTables.ts';
export { type BeatTrace, beatsAhead, beatTrace } from './folded/occupancy.ts';
export { channelTaps, operandEntries, operandsOf, tapOperands } from './folded/operands.ts';
export { type PlaneMap, planeMap, planesAtOnce } from './folded/planeMaps.ts';
export {
  countBits,
  factorRom,
  factorWidth,
  type Rom,
  runRom,
  startRom,
  weightRom,
} from './folded/roms.ts';
export {
  baseAt,
  beats,
  beatWidth,
  decodeAt,
  formAt,
  type PlaceTable,
  type Stream,
  type WindowedMatrix,
  windowedMatrix,
} from './folded/stream.ts';
export {
  type AccumulateUnit,
  type CollectUnit,
  type DealUnit,
  type FoldedLayer,
  type FoldedScores,
  type GatherUnit,
  type LayerCycles,
  type LogicUnit,
  layerBuffers,
  lineBuffers,
  type MatrixUnit,
  type MemoryStyle,
  romForms,
  type StreamBuffer,
  type StreamFork,
  type StreamSource,
  scanSize,
  type Unit,
  type WindowUnit,
} from './folded/units.ts';
export { foldsWithin, largestFolds } from './folded/widenFolds.ts';
export { AvoidedCells } from './netlist/avoidedCells.ts';
export {
  addValue,
  BitHeap,
  bitLength,
  type HeapSum,
  type LooseSum,
} from './netlist/bitHeap.ts';
export { type Compression, Compressions } from './netlist/compression.ts';
export {
  type AdderStyle,
  type Fabric,
  type Family,
  fabrics,
  familyFabrics,
} from './netlist/fabrics.ts';
export { FormNumbers } from './netlist/keyNumbers.ts';
export { checkedPrefix } from './netlist/names.ts';
export {
  type Cell,
  constantOne,
  constantZero,
  inverse,
  inverted,
  type Literal,
  Netlist,
  type NodeKind,
  nodeKinds,
  nodeOf,
} from './netlist/netlist.ts';
export { literalBit, netlistBits } from './netlist/netlistBits.ts';
export { endLevel, pipelined, scheduleOf } from './netlist/pipeline.ts';
export { heapDigits } from './netlist/signedDigits.ts';
export {
  decodeForm,
  describeForm,
  type Form,
  formKey,
  pixelForm,
  planesForm,
  type Value,
} from './netlist/value.ts';
export {
  atLeast,
  type ElementRequantize,
  type ElementThresholds,
  extendedBits,
  largestCode,
  maximumOf,
  requantized,
  requantizeOf,
  scoreBits,
  sumOfValues,
  thresholdBits,
  unsignedFrom,
  weightedSum,
} from './netlist/values.ts';
export { linearSums } from './sums/linearSums.ts';
export type { SumPart } from './sums/planeRows.ts';
export { planSums, type SumPlan } from './sums/sumPlan.ts';
export { SumMemo } from './sums/sumShapes.ts';
export { BudgetError, estimateAdders, type LayerEstimate } from './unrolled/budget.ts';
export { pooledCode, type Site, sitesOf } from './unrolled/sites.ts';
export {
  type CodePoolStep,
  type OrderedStep,
  orderedSteps,
  type Step,
  stepFeature,
  stepLayer,
  unrolledReorder,
} from './unrolled/steps.ts';
export {
  type Bus,
  busWidth,
  type Design,
  type DesignLayer,
  type DesignOptions,
  type Instance,
  indexWidth,
  type LayerSource,
  type Leaf,
  type Module,
  type OutputPort,
  type Range,
  unrolledDesign,
} from './unrolled/unrolledDesign.ts';
