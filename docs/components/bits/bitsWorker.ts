import { answerJobs } from '../shared/answerJobs.ts';
import type { BitsNews, BitsOrder, BitsPicture } from './bitsJob.ts';
import {
  binarized,
  comparisonRow,
  comparisonRows,
  type ErrorRow,
  histogram,
  levels,
} from './bitsState.ts';

/** The comparison, which takes longer than the picture, starts when the visitor has let the slider rest this long. */
const restMs = 120;

function picture({ tensor, choice }: BitsOrder): BitsPicture {
  const start = performance.now();
  const { tensor: _, values, ...found } = binarized(tensor, choice);
  return {
    ...found,
    histogram: histogram(tensor.data, found.bits),
    levels: levels(values, found.bits),
    milliseconds: performance.now() - start,
  };
}

/** A row of the comparison; that of the chosen rule is the picture's own. */
function rowAt({ tensor, choice }: BitsOrder, shown: BitsPicture, at: number): ErrorRow {
  const name = comparisonRows[at];
  if (name !== choice.rule) return comparisonRow(tensor, choice, at);
  const { stored, storedPerWeight, distance } = shown;
  return { name, averageBits: stored.signs / tensor.data.length, storedPerWeight, distance };
}

answerJobs<BitsOrder, BitsNews>(async (order, { tell, wanted }) => {
  const shown = picture(order);
  tell({ kind: 'picture', picture: shown });
  for (let at = 0; at < comparisonRows.length; at++) {
    if (!(await wanted(at === 0 ? restMs : 0))) return;
    tell({ kind: 'row', at, row: rowAt(order, shown, at) });
  }
});
