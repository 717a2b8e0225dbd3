/** How many of some images get the same score for all classes. */
export interface Ties {
  readonly count: number;
  readonly images: number;
}

/** Count the images of a batch whose scores are all equal: the network sees nothing in them. */
export function tiesOf(scores: ArrayLike<number>, classes: number): Ties {
  const images = scores.length / classes;
  let count = 0;
  for (let image = 0; image < images; image++) {
    const first = image * classes;
    let k = 1;
    while (k < classes && scores[first + k] === scores[first]) k++;
    count += Number(k === classes);
  }
  return { count, images };
}

/** What the page says of a network that gives most images equal scores; '' of others. */
export function collapseWords({ count, images }: Ties): string {
  if (2 * count <= images) return '';
  const which = count === images ? `all ${images} images` : `${count} of ${images} images`;
  return `The training collapsed: ${which} get the same score for all classes, and each of these images counts as wrong. Choose a smaller learning rate.`;
}
