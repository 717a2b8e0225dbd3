import { checkOptions, HbnnError } from '@hbnn/core';

export interface ClassifyOptions {
  /** How many classes to return: 5 by default, or all where the model has fewer. */
  readonly top?: number;
  /** Names of the classes, in the order of the scores; by default those of the model. */
  readonly classes?: readonly string[];
}

/** A class that an image may belong to. */
export interface ClassScore {
  readonly name: string;
  /** The place of its score among an image's. */
  readonly index: number;
  /** The score as `run` gives it. */
  readonly score: number;
  /** The softmax of the scores, each times the model's `scoreFactor`; those of all classes add to 1. */
  readonly probability: number;
}

/** What the scores of a model stand for. */
export interface ScoreMeaning {
  readonly classes: readonly string[];
  readonly scoreFactor: number;
}

const defaultTop = 5;

/**
 * Name the classes with the highest scores, from the highest on; of equal ones the first comes first.
 *
 * @throws HbnnError when the scores are not those of one image, or an option does not fit
 */
export function highestClasses(
  scores: Int32Array,
  meaning: ScoreMeaning,
  options: ClassifyOptions,
): ClassScore[] {
  const count = meaning.classes.length;
  const { top, classes } = checkClassifyOptions(options, meaning);
  if (scores.length !== count)
    throw new HbnnError(
      `classify: expected one image, got ${scores.length / count}; classify them one by one, or take all scores by run`,
    );
  const max = scores.reduce((a, b) => Math.max(a, b));
  const weights = Array.from(scores, (score) => Math.exp((score - max) * meaning.scoreFactor));
  const sum = weights.reduce((a, b) => a + b);
  return Array.from(scores, (score, index): ClassScore => {
    return { name: classes[index], index, score, probability: weights[index] / sum };
  })
    .sort((a, b) => b.score - a.score || a.index - b.index)
    .slice(0, top);
}

/** Fill in the options. @throws HbnnError when one of them does not fit the model */
function checkClassifyOptions(
  options: ClassifyOptions,
  meaning: ScoreMeaning,
): Required<ClassifyOptions> {
  checkOptions('classify', options, ['top', 'classes']);
  const count = meaning.classes.length;
  const { top = Math.min(defaultTop, count), classes = meaning.classes } = options;
  if (!Number.isSafeInteger(top) || top < 1 || top > count)
    throw new HbnnError(
      `classify: expected \`top\` from 1 to the ${count} classes of the model, got ${top}; leave it out for ${Math.min(defaultTop, count)}`,
    );
  if (!Array.isArray(classes) || classes.length !== count)
    throw new HbnnError(
      `classify: expected ${count} names as \`classes\`, one for each score, got ${Array.isArray(classes) ? classes.length : String(classes)}; leave it out for the names in the model`,
    );
  return { top, classes };
}
