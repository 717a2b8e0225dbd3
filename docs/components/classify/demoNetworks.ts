import { decodeModel, featureCount } from '@hbnn/model';
import { type LoadedModel, loadModel } from '@hbnn/wasm';
import { fetched } from '../shared/fetched.ts';

/** A trained network as models.json has it. */
export interface DemoNetwork {
  readonly name: string;
  readonly title: string;
  readonly command: string;
  readonly file: string;
  readonly bytes: number;
  /** Share of test images that it classifies rightly, as lowered. */
  readonly top1: number;
}

/** What the playgrounds' files say of themselves. */
export interface DemoFiles {
  readonly data: string;
  readonly classes: readonly string[];
  /** A digit for each image of test.png and train.png, row by row. */
  readonly testLabels: string;
  readonly trainLabels: string;
  /** What the float network takes: (p / 255 − mean) / deviation. */
  readonly normalization: {
    readonly mean: readonly number[];
    readonly deviation: readonly number[];
  };
  readonly commit: string;
  readonly machine: string;
  readonly networks: readonly DemoNetwork[];
}

/** The channels of a layer's output. */
export interface FeatureMap {
  readonly layer: string;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly values: Int32Array;
}

/** What a network says of one image. */
export interface Answer {
  readonly scores: readonly number[];
  readonly maps: readonly FeatureMap[];
}

/** A network that is ready to classify images of 28 × 28 bytes. */
export interface ReadyNetwork {
  readonly about: DemoNetwork;
  classify(pixels: Uint8Array): Answer;
  /** Milliseconds of one image alone, in the fastest of some rounds of runs. */
  time(pixels: Uint8Array): number;
}

export const demoFiles = (folder: string): Promise<DemoFiles> =>
  fetched(`${folder}models.json`, (answer) => answer.json());

/** Load an integer network into WebAssembly. */
export async function integerNetwork(folder: string, about: DemoNetwork): Promise<ReadyNetwork> {
  const bytes = await fetched(folder + about.file, (answer) => answer.arrayBuffer());
  const model = await loadModel(decodeModel(new Uint8Array(bytes), about.file), { batch: 1 });
  const black = new Uint8Array(28 * 28);
  warmUp(() => model.run(black));
  return {
    about,
    classify: (pixels) => classified(model, pixels),
    time: (pixels) => timeOf(() => model.run(pixels)),
  };
}

/** A page's clock may tick in tenths of a millisecond: the runs of a round take at least this long together. */
const roundMs = 5;
const rounds = 4;

/**
 * Milliseconds of one run, the mean of the fastest round. The first rounds run code that the browser has not optimized
 * yet, and the page's other work may delay any of them.
 */
export function timeOf(run: () => void): number {
  let fastest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    let runs = 0;
    do {
      run();
      runs++;
    } while (performance.now() - start < roundMs);
    fastest = Math.min(fastest, (performance.now() - start) / runs);
  }
  return fastest;
}

/** Run a network until the browser has optimized its code, so that the first network shown is not timed as the slowest. */
function warmUp(run: () => void): void {
  const start = performance.now();
  for (let runs = 0; runs < 100 && performance.now() - start < 60; runs++) run();
}

function classified(model: LoadedModel, pixels: Uint8Array): Answer {
  const maps: FeatureMap[] = [];
  model.run(pixels, ({ name }, { shape, values }) => {
    const [height, width, channels] = shape;
    if (values.length === featureCount(shape))
      maps.push({ layer: name, height, width, channels, values: Int32Array.from(values) });
  });
  return { scores: [...model.run(pixels)], maps };
}

/** Class numbers by falling score. */
export const ranked = (scores: readonly number[]): number[] =>
  scores.map((_, i) => i).sort((a, b) => scores[b] - scores[a]);
