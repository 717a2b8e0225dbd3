/** Whether each image of a batch has the same score for all classes: the network does not look at the image any more. */
export function allScoresEqual(scores: ArrayLike<number>, classes: number): boolean {
  for (let i = 0; i < scores.length; i++) if (scores[i] !== scores[i - (i % classes)]) return false;
  return true;
}

/** What the page says of a network whose scores are all equal. */
export const collapseWords =
  'The training collapsed: the network gives each image the same score for all classes. An image whose highest score is not that of one class alone counts as wrong, hence 0.0 %. Choose a smaller learning rate.';
