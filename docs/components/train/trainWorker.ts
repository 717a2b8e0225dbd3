import { type BatchSource, permutation, random } from '@hbnn/core';
import {
  binarizedLayers,
  evaluate,
  fit,
  initialize,
  networks,
  parametersOf,
  parseBits,
  SgdMomentum,
  startState,
  weightPrecision,
} from '@hbnn/train/web';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { demoFiles } from '../classify/demoNetworks.ts';
import { ImageSheet, side } from '../classify/images.ts';
import { loadingFault } from '../shared/fetched.ts';
import { startBackend } from '../shared/webBackend.ts';
import { type Ties, tiesOf } from './collapse.ts';
import { RecentLoss } from './recentLoss.ts';
import { TrainClock } from './trainClock.ts';
import type { TrainChoice, TrainMessage, TrainOrder } from './trainMessages.ts';

const tell = (message: TrainMessage): void => self.postMessage(message);
const batchSize = 32;
/** Steps from one report to the next: 1,000 images are 32 steps. */
const reportEvery = 8;

/** What both trainings wait for while the visitor has paused. */
let pause: { readonly over: Promise<void>; readonly end: () => void } | undefined;

function setPause(on: boolean): void {
  pause?.end();
  if (!on) {
    pause = undefined;
    return;
  }
  let end = (): void => {};
  const over = new Promise<void>((resolve) => {
    end = resolve;
  });
  pause = { over, end };
}

/** Let messages be heard, and wait while the visitor has paused. */
async function turn(clock: TrainClock): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve));
  if (!pause) return;
  clock.stop();
  while (pause) await pause.over;
  clock.start();
}

/** The images of a sheet as a data set. */
async function sheetSource(folder: string, file: 'train' | 'test'): Promise<BatchSource> {
  const files = await demoFiles(folder);
  const sheet = await ImageSheet.load(`${folder}${file}.png`);
  const labels = files[`${file}Labels`];
  const { mean, deviation } = files.normalization;
  const images = Array.from({ length: labels.length }, (_, i) =>
    Float32Array.from(sheet.image(i), (pixel) => (pixel / 255 - mean[0]) / deviation[0]),
  );
  return {
    name: file,
    shape: [side, side, 1],
    classes: files.classes,
    count: images.length,
    async *batches({ batch, shuffle, seed, epoch, from = 0 }) {
      const order = shuffle
        ? permutation(images.length, random(seed, 'order', epoch))
        : Uint32Array.from({ length: images.length }, (_, i) => i);
      for (let start = from * batch; start < order.length; start += batch) {
        const rows = order.subarray(start, start + batch);
        const pixels = new Float32Array(rows.length * side * side);
        rows.forEach((row, i) => {
          pixels.set(images[row], i * side * side);
        });
        const chosen = Int32Array.from(rows, (row) => Number(labels[row]));
        yield { images: pixels, labels: chosen, count: rows.length };
      }
    },
  };
}

function build(choice: TrainChoice, run: number, classes: number): LayersModel {
  const mix = parseBits(choice.bits[run], 'bits');
  const model = networks[choice.network].build({
    input: [side, side, 1],
    classes,
    precision: mix === undefined ? {} : { weights: weightPrecision(mix) },
    seed: choice.seed,
  });
  initialize(model, choice.seed);
  return model;
}

/** The second layer's map and float weights. */
function mapOf(
  model: LayersModel,
): { bits: Uint8Array; shape: readonly number[]; weights: Float32Array } | undefined {
  const layer = binarizedLayers(model)[1];
  const map = layer?.exportMaps().find(({ name }) => name.endsWith('/map'));
  const kernel = parametersOf(model).find(({ name }) => name === `${layer?.name}/kernel`);
  if (!map || !kernel) return undefined;
  const outputs = map.shape[map.shape.length - 1];
  const bits = map.data as Uint8Array;
  const weights = kernel.variable.dataSync() as Float32Array;
  // TensorFlow.js keeps outputs in the last dimension; the picture has a row for each output.
  const inputs = bits.length / outputs;
  const place = (i: number): number => (i % inputs) * outputs + Math.floor(i / inputs);
  return {
    bits: Uint8Array.from(bits, (_, i) => bits[place(i)]),
    shape: [outputs, inputs],
    weights: Float32Array.from(weights, (_, i) => weights[place(i)]),
  };
}

interface Images {
  readonly train: BatchSource;
  readonly test: BatchSource;
}

async function trainOne(
  choice: TrainChoice,
  run: number,
  { train, test }: Images,
  clock: TrainClock,
): Promise<void> {
  clock.start();
  const model = build(choice, run, train.classes.length);
  const variables = parametersOf(model).filter(({ trainable }) => trainable);
  const optimizer = new SgdMomentum(variables, { momentum: 0.9, weightDecay: 1e-4 });
  const state = startState();
  const steps = choice.epochs * Math.ceil(train.count / batchSize);
  const recent = new RecentLoss();
  await fit(model, train, optimizer, variables, state, {
    epochs: choice.epochs,
    batch: batchSize,
    seed: choice.seed,
    learningRate: choice.learningRate,
    schedule: 'cosine',
    async onEpoch() {
      let ties: Ties = { count: 0, images: 0 };
      const { top1 } = await evaluate(model, test, {
        onScores(scores) {
          const { count, images } = tiesOf(scores, test.classes.length);
          ties = { count: ties.count + count, images: ties.images + images };
        },
      });
      const { loss } = state.epochs[state.epochs.length - 1];
      tell({
        kind: 'report',
        report: {
          run,
          step: state.step,
          steps,
          loss: recent.reportEpoch(loss * train.count, train.count),
          accuracy: top1,
          ties,
          epoch: state.epochs.length,
          map: mapOf(model),
        },
      });
    },
    async onStep() {
      const { loss, images } = state.running;
      // After the last step of an epoch the sums are 0 again, and onEpoch has reported.
      if (state.step % reportEvery === 0 && images > 0) {
        tell({
          kind: 'report',
          report: {
            run,
            step: state.step,
            steps,
            loss: recent.report(loss, images),
            epoch: state.epochs.length,
            map: mapOf(model),
          },
        });
      }
      await turn(clock);
    },
  });
  model.dispose();
  clock.stop();
}

async function start(choice: TrainChoice, folder: string): Promise<void> {
  tell({ kind: 'state', text: 'Loading TensorFlow.js and 1,100 images …' });
  const images = await loadImages(folder);
  if (!images) return;
  tell({ kind: 'state', text: 'Building the networks; the first steps take longest …' });
  const clock = new TrainClock();
  // Step by step in turn: both wait after each step until the other has done one.
  await Promise.all([0, 1].map((run) => trainOne(choice, run, images, clock)));
  tell({ kind: 'done', seconds: clock.seconds });
}

/** Load the images and TensorFlow.js; undefined, and said, where they do not come. */
async function loadImages(folder: string): Promise<Images | undefined> {
  try {
    const [train, test] = await Promise.all([
      sheetSource(folder, 'train'),
      sheetSource(folder, 'test'),
      startBackend(),
    ]);
    return { train, test };
  } catch (error) {
    const text = `The training did not start: ${loadingFault(error)}.`;
    tell({ kind: 'problem', text, mayRetry: true });
    return undefined;
  }
}

self.addEventListener('message', ({ data }: MessageEvent<TrainOrder>) => {
  if (data.kind === 'pause') {
    setPause(data.on);
    return;
  }
  start(data.choice, data.folder).catch((error: unknown) => {
    const text = error instanceof Error ? error.message : String(error);
    tell({ kind: 'problem', text: text.replace(/\.?$/, '.'), mayRetry: false });
  });
});
