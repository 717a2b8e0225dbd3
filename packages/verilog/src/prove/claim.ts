import type { Bus } from '@hbnn/circuit';
import type { LayerStep } from '@hbnn/model';
import type { Terms } from './modelSums.ts';

/** What a module has to compute: values of the elements on its port x to those on its output port. */
export interface Claim {
  readonly layer: string;
  readonly module: string;
  readonly port: string;
  readonly input: Bus;
  readonly output: Bus;
  readonly step: LayerStep;
  /** Where outputs are sums of inputs. */
  readonly terms?: readonly Terms[];
  /** The elements of the input that each output depends on in the model. */
  readonly dependencies: readonly (readonly number[])[];
  /** What output o should be, in plain Verilog, of elements in this order. */
  wanted(o: number, elements: readonly number[]): (width: number) => Wanted;
  /** What an output's value is short of what people call it. */
  shown(o: number, value: number): number;
}

/** What an output should be, as an expression of signed numbers `e0`, `e1`, …, the values of its elements. */
export interface Wanted {
  /** Lines before it. */
  readonly lines: readonly string[];
  readonly value: string;
  /** No number on the way is larger in magnitude. */
  readonly max: number;
}
