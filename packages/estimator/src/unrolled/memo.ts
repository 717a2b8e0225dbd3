import { type Form, formKey, heapDigits, SumMemo } from '@hbnn/circuit';
import type { LogicCounts } from './netlistCounts.ts';

/** One element of a step, made and counted. */
export interface CountedElement {
  readonly counts: LogicCounts;
  readonly form: Form;
  readonly width: number;
}

const maxElements = 20_000;
const maxFactors = 10_000;

/**
 * What estimates have worked out. Each estimate makes one of its own unless it is given one: handed to several, what
 * their models have in common is counted once. The figures are the same with and without.
 */
export class EstimateMemo {
  readonly sums = new SumMemo();
  private readonly elements = new Map<string, CountedElement>();
  private readonly formKeys = new WeakMap<Form, string>();
  private readonly digits = new Map<number, readonly number[]>();

  /** The element of a key, counted where it is not known yet: thresholds of pixels and of few bits return often. */
  element(key: string, count: () => CountedElement): CountedElement {
    let element = this.elements.get(key);
    if (element === undefined) {
      element = count();
      if (this.elements.size >= maxElements) this.elements.clear();
      this.elements.set(key, element);
    }
    return element;
  }

  formKey(form: Form): string {
    let key = this.formKeys.get(form);
    if (key === undefined) {
      key = formKey(form);
      this.formKeys.set(form, key);
    }
    return key;
  }

  /** The signed digits of a factor in a heap. Factors are few: powers of two and their sums. */
  digitsOf(factor: number): readonly number[] {
    let digits = this.digits.get(factor);
    if (digits === undefined) {
      digits = heapDigits(BigInt(factor));
      if (this.digits.size >= maxFactors) this.digits.clear();
      this.digits.set(factor, digits);
    }
    return digits;
  }
}
