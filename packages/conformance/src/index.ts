export { branchedCases } from './branchedCases.ts';
export { type ModelCase, modelCases } from './cases.ts';
export { conformance } from './conformance.ts';
export { differenceFrom, type Executor, type Open, pixelsFor } from './difference.ts';
export { randomFolds } from './randomFolds.ts';
