import { HbnnError } from '@hbnn/core';
import type { CheckedModel } from '@hbnn/model';
import type { LayerValues } from '@hbnn/train';
import { modelPixels } from './evaluateModel.ts';
import { openTrained } from './fineTuned.ts';
import { readFloatNetwork } from './floatNetwork.ts';
import { openData, placeAmong } from './openData.ts';
import type { OutputOptions } from './output.ts';

type Normalization = Readonly<Record<'mean' | 'deviation', readonly number[]>>;

/** A trained network beside an integer model, with the images that both are given. */
export interface FloatImages {
  readonly pixels: Uint8Array;
  /** What each layer gives for them. */
  readonly layers: readonly LayerValues[];
}

export interface ImageOptions extends OutputOptions {
  readonly data?: string;
  readonly from?: string;
  /** Test images of a data set. */
  readonly testLimit: number;
}

/**
 * Compute what each layer of a float network gives.
 *
 * @param given the images of --in; undefined where they are those of a data set
 * @throws HbnnError where nobody has said how the network takes pixels, or it takes others than the model
 */
export async function imagesOfNetwork(
  path: string,
  model: CheckedModel,
  given: Uint8Array | undefined,
  o: ImageOptions,
): Promise<FloatImages> {
  const { layerValues, useBackend } = await import('@hbnn/train');
  await useBackend({ prefer: 'wasm' });
  const network = await readFloatNetwork(path);
  const set = given === undefined ? await dataFor(model, o) : undefined;
  const normalization = network.normalization ?? set?.normalization;
  if (normalization === undefined)
    throw new HbnnError(
      `${path}: expected the normalization that the network was trained with, got none; import it with 'hbnn import ${path} --mean … --deviation … --out net' and give that folder, or give images by --data`,
    );
  checkInput(network.model, path, model);
  const pixels = given ?? set?.pixels ?? new Uint8Array();
  return { pixels, layers: layerValues(network.model, normalized(pixels, normalization)) };
}

/** The same of a run of `hbnn train`, `hbnn fine-tune` or `hbnn quantize`, whose data set says how it takes pixels. */
export async function imagesOfRun(
  path: string,
  model: CheckedModel,
  given: Uint8Array | undefined,
  o: ImageOptions,
): Promise<FloatImages> {
  const { layerValues, useBackend } = await import('@hbnn/train');
  await useBackend({ prefer: 'wasm' });
  const { config, open } = await openTrained(path);
  const whole = { ...config, augment: undefined, testLimit: o.testLimit };
  const place = placeAmong('--data', '--from', '--test-limit');
  const from = o.from ?? config.from;
  const data = await openData(o.data ?? config.data, { ...whole, from }, place, o);
  const { model: network, test } = await open(data);
  checkInput(network, path, model);
  const pixels = given ?? (await pixelsIn(model, test));
  if (test.normalization === undefined)
    throw new HbnnError(
      `${path}: expected a run on 8-bit images, got one on other data; give a run on a data set of images`,
    );
  return { pixels, layers: layerValues(network, normalized(pixels, test.normalization)) };
}

type Source = Parameters<typeof modelPixels>[1];

async function pixelsIn(model: CheckedModel, source: Source): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const { pixels } of modelPixels(model, source)) parts.push(pixels);
  return Buffer.concat(parts);
}

/** Test images of a data set for a model, and how trainings on it normalize them. */
export async function dataFor(
  model: CheckedModel,
  { data, from, testLimit, ...output }: ImageOptions,
): Promise<{ readonly pixels: Uint8Array; readonly normalization: Normalization | undefined }> {
  const place = placeAmong('--data', '--from', '--test-limit');
  const [height, width] = model.input.shape;
  const options = { from, testLimit, testOnly: true, size: [height, width] as const };
  const { test } = await openData(data ?? '', options, place, output);
  return { pixels: await pixelsIn(model, test), normalization: test.normalization };
}

function checkInput(
  network: { readonly inputs: readonly { readonly shape: readonly (number | null)[] }[] },
  path: string,
  model: CheckedModel,
): void {
  const shape = network.inputs[0].shape.slice(1);
  if (shape.join() === model.input.shape.join()) return;
  throw new HbnnError(
    `${path}: expected a network of images of ${model.input.shape.join('×')} as the model's, got ${shape.join('×')}; give the network that the model was lowered from`,
  );
}

function normalized(pixels: Uint8Array, { mean, deviation }: Normalization): Float32Array {
  const channels = mean.length;
  return Float32Array.from(
    pixels,
    (pixel, i) => (pixel / 255 - mean[i % channels]) / deviation[i % channels],
  );
}
