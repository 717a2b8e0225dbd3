import { within } from '../shared/urlState.ts';

export const rates = within(0.001, 1);
export const epochCounts = within(1, 50, true);
export const seeds = within(1, 1000, true);

/** What visitors type; a field that was emptied has '' in place of a number. */
export interface TypedNumbers {
  readonly rate: number;
  readonly epochs: number;
  readonly seed: number;
}

/** What is wrong with a number that was typed; '' where nothing is. */
export function numberFault({ rate, epochs, seed }: TypedNumbers): string {
  const typed = [
    ['Learning rate', rate, rates],
    ['Epochs', epochs, epochCounts],
    ['Seed', seed, seeds],
  ] as const;
  const wrong = typed.find(([, value, { allows }]) => !allows(value));
  if (!wrong) return '';
  const [name, value, { expected }] = wrong;
  return `${name}: expected ${expected}, got ${String(value) === '' ? 'none' : value}.`;
}

export type TrainState = 'idle' | 'running' | 'paused' | 'done';

/** What the page says beside its buttons. */
export function statusWords(o: {
  readonly state: TrainState;
  /** What the worker said last, or how the training ended. */
  readonly said: string;
  /** Epochs done; undefined before the first report. */
  readonly epoch?: number;
  readonly epochs: number;
}): string {
  // What the worker said before the pause is no longer what happens.
  if (o.state === 'paused') return 'Paused.';
  if (o.said) return o.said;
  if (o.state === 'running' && o.epoch !== undefined)
    return `Training: epoch ${Math.min(o.epoch + 1, o.epochs)} of ${o.epochs} …`;
  return o.state === 'idle'
    ? 'Loads TensorFlow.js and 1,100 images, about 0.8 MB, when you start.'
    : '';
}
