export { defaultClockMhz, type ProjectOptions, projectFiles } from './emit/projectFiles.ts';
export { type TestbenchOptions, testbenchFiles, testbenchImages } from './emit/testbench.ts';
export { verilogFiles } from './emit/verilogFiles.ts';
export {
  type Disproof,
  type LayerProof,
  type OutputsProof,
  type Proof,
  type ProofMethod,
  type ProofOptions,
  prove,
  type WiresProof,
} from './prove/prove.ts';
export { simulate } from './simulate/simulate.ts';
export type { Simulation, SimulationOptions } from './simulate/simulation.ts';
export { type PartSwitching, type Switching, switching } from './simulate/switching.ts';
export type { CellFile } from './synthesize/cellLibrary.ts';
export { ice40Devices } from './synthesize/ice40.ts';
export {
  findNextpnr,
  maxPlacementSeed,
  type Nextpnr,
  needNextpnr,
  type Placement,
  type PlaceOptions,
  type PlaceStep,
  place,
  placeSteps,
} from './synthesize/place.ts';
export { type Circuit, readCircuit } from './synthesize/readCircuit.ts';
export {
  type CostCache,
  type DesignCost,
  isDesignFile,
  type LayerCost,
  synthesize,
} from './synthesize/synthesize.ts';
export {
  type ModuleCost,
  synthesisTarget,
  synthesisTargets,
  type Target,
} from './synthesize/synthesizeModules.ts';
export type { Difference } from './verify/difference.ts';
export { type Verified, type VerifyOptions, verify } from './verify/verify.ts';
export { findNativeYosys, NativeRunner, type NativeYosys } from './yosys/nativeYosys.ts';
export { yosysError } from './yosys/yosys.ts';
export {
  type YosysJob,
  YosysPool,
  type YosysResult,
  type YosysRunner,
  YosysTimeout,
} from './yosys/yosysPool.ts';
