/** Elementary operations of one inference. */
export interface Operations {
  /** Products of two signs: one per bit of the weight and bit of the input. */
  readonly xnor: number;
  /** Bits that are counted into sums: the results of the XNORs. */
  readonly popcount: number;
  /** Additions or subtractions of two numbers. */
  readonly add: number;
  /** Comparisons of two numbers. */
  readonly compare: number;
  /** Products of two numbers of more than one bit. */
  readonly multiply: number;
}
