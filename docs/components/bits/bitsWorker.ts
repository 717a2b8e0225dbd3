import { answerJobs } from '../shared/answerJobs.ts';
import type { BitsNews, BitsOrder, BitsPicture } from './bitsJob.ts';
import { binarized, comparisonRow, comparisonRows, histogram, levels } from './bitsState.ts';

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

answerJobs<BitsOrder, BitsNews>(async (order, { tell, wanted }) => {
  tell({ kind: 'picture', picture: picture(order) });
  for (let at = 0; at < comparisonRows.length; at++) {
    if (!(await wanted(at === 0 ? restMs : 0))) return;
    tell({ kind: 'row', at, row: comparisonRow(order.tensor, order.choice, at) });
  }
});
