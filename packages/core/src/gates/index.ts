// `@hbnn/core/gates`: what a place of a layer is in gates and adders, which the generator writes and the estimator counts.
export { type AdderStyle, BitHeap, bitLength, type HeapSum, type LooseSum } from './bitHeap.ts';
export { addValue, linearSums } from './linear.ts';
export {
  type Cell,
  invert,
  inverted,
  type Literal,
  Netlist,
  type NodeKind,
  nodeKinds,
  nodeOf,
  one,
  zero,
} from './netlist.ts';
export { type Site, sitesOf } from './sites.ts';
export {
  constantForm,
  decodeForm,
  describeForm,
  type Form,
  formKey,
  pixelForm,
  planesForm,
  type Value,
} from './value.ts';
export {
  atLeast,
  type ElementRequantize,
  type ElementThresholds,
  extended,
  largest,
  requantized,
  requantizeOf,
  scoreBits,
  thresholdBits,
  total,
  unsignedFrom,
} from './values.ts';
