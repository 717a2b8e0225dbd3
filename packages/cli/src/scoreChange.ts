/** How far the scores of an integer model are from those of the network that it was lowered from, over some images. */
export interface ScoreChange {
  /** Images for which the integer model scores another class higher than the network's best one. */
  readonly otherClass: number;
  /** The root of the mean square of all differences, as a share of the largest score. */
  readonly meanDifference: number;
  /** The largest difference, as a share of the largest score. */
  readonly largestDifference: number;
  /** The number of its image, from 0 on. */
  readonly image: number;
}

/**
 * Compares scores image by image. All scores of the network are added first, then those of the integer model in the same
 * order. A number that is added to all scores of an image changes no class, as a softmax does it, and does not count.
 */
export class ScoreComparison {
  private readonly classes: number;
  /** The network's scores around their mean, batch after batch. */
  private readonly expected: Float32Array[] = [];
  private compared = 0;
  private largestScore = 0;
  private otherClass = 0;
  private squares = 0;
  private largest = { difference: 0, image: 0 };

  constructor(classes: number) {
    this.classes = classes;
  }

  /** Add scores of the network, [count, classes]. */
  addNetwork(scores: Float32Array): void {
    for (let start = 0; start < scores.length; start += this.classes) {
      const row = aroundMean(scores.subarray(start, start + this.classes));
      for (const score of row) this.largestScore = Math.max(this.largestScore, Math.abs(score));
      this.expected.push(row);
    }
  }

  /** Add whole scores of the integer model, [count, classes], and what one of them stands for. */
  addModel(scores: Int32Array, scoreFactor: number): void {
    for (let start = 0; start < scores.length; start += this.classes) {
      const whole = scores.subarray(start, start + this.classes);
      const expected = this.expected[this.compared];
      const row = aroundMean(Float64Array.from(whole, (score) => score * scoreFactor));
      const best = expected.indexOf(Math.max(...expected));
      if (whole[best] < Math.max(...whole)) this.otherClass++;
      row.forEach((score, k) => {
        const difference = Math.abs(score - expected[k]);
        this.squares += difference ** 2;
        if (difference > this.largest.difference)
          this.largest = { difference, image: this.compared };
      });
      this.compared++;
    }
  }

  get change(): ScoreChange {
    const share = (difference: number): number =>
      this.largestScore === 0 ? 0 : Number((difference / this.largestScore).toPrecision(4));
    return {
      otherClass: this.otherClass,
      meanDifference: share(Math.sqrt(this.squares / (this.compared * this.classes))),
      largestDifference: share(this.largest.difference),
      image: this.largest.image,
    };
  }
}

/** Scores around their mean; a single one as it is. */
function aroundMean(scores: Float32Array | Float64Array): Float32Array {
  let sum = 0;
  for (const score of scores) sum += score;
  const mean = scores.length === 1 ? 0 : sum / scores.length;
  return Float32Array.from(scores, (score) => score - mean);
}
