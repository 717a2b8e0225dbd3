import { statSync } from 'node:fs';
import { bitCounts, HbnnError } from '@hbnn/core';
import type { RunConfig } from '@hbnn/train';
import { readTensorFile } from '@hbnn/train/files';
import { averageOf, type BitCounts } from './bitHistogram.ts';
import { isFineTuned, openTrained, type TrainedOn, weightsFileOf } from './fineTuned.ts';

/** A layer with weights of a trained network as `hbnn inspect` shows it. */
interface TrainedLayerView {
  readonly name: string;
  readonly output: readonly number[];
  readonly parameters: number;
  readonly averageBits?: number;
  readonly bits?: BitCounts;
  readonly macs: number;
}

/** A run folder as `hbnn inspect` shows it. */
export interface RunView {
  readonly kind: 'run folder';
  readonly network: string;
  readonly data: string;
  readonly input: readonly number[];
  readonly classes: number;
  readonly parameters: number;
  readonly macs: number;
  /** The file of the weights at the end. */
  readonly bytes: number;
  readonly layers: readonly TrainedLayerView[];
  readonly config: RunConfig;
}

/** Describe a run folder. @throws HbnnError where its training has not ended */
export async function inspectRun(folder: string): Promise<RunView> {
  const file = weightsFileOf(folder);
  const { trainedOn } = readTensorFile(file).state as {
    readonly trainedOn?: TrainedOn;
  };
  if (trainedOn === undefined)
    throw new HbnnError(
      `${file}: expected the shape of the images that it was trained on, got a file of an earlier version; train the network again`,
    );
  const { binarizedLayers, countNetwork, useBackend } = await import('@hbnn/train');
  // Nothing is computed: the network is only built and counted.
  await useBackend({ prefer: 'cpu' });
  const { shape, classes } = trainedOn;
  const { build, config } = await openTrained(folder);
  const model = await build(trainedOn);
  const maps = new Map(
    binarizedLayers(model).flatMap((layer): [string, BitCounts][] => {
      const { binarized } = layer.trainedKernel();
      return binarized === undefined ? [] : [[layer.name, bitCounts(binarized.map)]];
    }),
  );
  const counted = countNetwork(model);
  model.dispose();
  const layers = counted.layers.map(({ name, outputShape, parameters, macs }): TrainedLayerView => {
    const bits = maps.get(name);
    return {
      name,
      output: outputShape,
      parameters,
      ...(bits !== undefined && { averageBits: averageOf(bits), bits }),
      macs,
    };
  });
  return {
    kind: 'run folder',
    network: isFineTuned(folder) ? model.name : config.network,
    data: config.data,
    input: shape,
    classes: classes.length,
    parameters: counted.parameters,
    macs: counted.macs,
    bytes: statSync(file).size,
    layers,
    config,
  };
}
