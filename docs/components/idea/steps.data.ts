// The pictures of the page about the idea, computed by @hbnn/core while the site is built, so that they are there
// without JavaScript.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { decodeNpy, floatTensor } from '@hbnn/core';
import { normalTensor } from '../bits/bitsState.ts';
import {
  type FilterPicture,
  filterPictures,
  type HistogramSteps,
  histogramSteps,
} from './binarizedSteps.ts';
import { chosenFilter } from './chosenFilter.ts';

export interface IdeaPictures {
  readonly histogram: HistogramSteps;
  readonly filter: readonly FilterPicture[];
}

declare const data: IdeaPictures;

export { data };

/** The histogram of normal weights goes from −reach to reach. */
const reach = 3.5;

const weightsFile = fileURLToPath(
  new URL(`../../public/models/weights/${chosenFilter.layer}.npy`, import.meta.url),
);

export default {
  watch: [weightsFile],
  load(): IdeaPictures {
    const { data: weights, shape } = decodeNpy(readFileSync(weightsFile), weightsFile);
    return {
      histogram: histogramSteps(normalTensor(), reach),
      filter: filterPictures(
        floatTensor(Float32Array.from(weights), shape),
        chosenFilter.output,
        chosenFilter.input,
      ),
    };
  },
};
