export type { AdderStyle, Form } from '@hbnn/core/gates';
export { estimateAdders, type LayerEstimate } from './budget.ts';
export type { CellFile } from './cellLibrary.ts';
export { chooseFolds, type FoldGoal, foldedCycles } from './chooseFolds.ts';
export { type Circuit, readCircuit } from './circuit.ts';
export {
  type Bus,
  type Design,
  type DesignLayer,
  type DesignOptions,
  unrolledDesign,
} from './design.ts';
export {
  type FoldedDesign,
  type FoldedLayer,
  type FoldedOptions,
  type FoldTable,
  foldedDesign,
  type LayerCycles,
} from './folded.ts';
export type { Fold } from './foldSchedule.ts';
export { ice40Devices } from './ice40.ts';
export {
  findNextpnr,
  type Nextpnr,
  needNextpnr,
  type Placement,
  type PlaceOptions,
  type PlaceStep,
  place,
  placeSteps,
} from './place.ts';
export {
  type Disproof,
  type LayerProof,
  type OutputsProof,
  type Proof,
  type ProofMethod,
  type ProofOptions,
  prove,
  type WiresProof,
} from './proof.ts';
export { type Simulation, type SimulationOptions, simulate } from './simulate.ts';
export { type PartSwitching, type Switching, switching } from './switching.ts';
export { type CostCache, type DesignCost, type LayerCost, synthesize } from './synthesize.ts';
export {
  type ModuleCost,
  synthesisTarget,
  synthesisTargets,
  type Target,
} from './synthesizeModules.ts';
export { testbenchFiles } from './testbench.ts';
export { type Difference, type Verified, type VerifyOptions, verify } from './verify.ts';
export { verilogFiles } from './verilogFiles.ts';
