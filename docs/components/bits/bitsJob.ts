import type { FloatTensor } from '@hbnn/core';
import type { Binarized, BitsChoice, ErrorRow, Histogram, Level } from './bitsState.ts';

/** A tensor to binarize, and how. */
export interface BitsOrder {
  readonly tensor: FloatTensor;
  readonly choice: BitsChoice;
}

/** What the page shows of a binarized tensor. */
export interface BitsPicture extends Omit<Binarized, 'tensor' | 'values'> {
  readonly histogram: Histogram;
  readonly levels: readonly Level[];
  readonly milliseconds: number;
}

/** The picture comes first, then the rows of the comparison one by one. */
export type BitsNews =
  | { readonly kind: 'picture'; readonly picture: BitsPicture }
  | { readonly kind: 'row'; readonly at: number; readonly row: ErrorRow };
