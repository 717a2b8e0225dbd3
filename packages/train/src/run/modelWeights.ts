import type * as tfl from '@tensorflow/tfjs-layers';
import { readTensorFile, writeTensorFile } from '../tensorFile.ts';
import { importModel, modelArrays } from './checkpoint.ts';
import { checkTrainedOn, kindOfSource, type SourceKind } from './sourceKind.ts';

/** Write a model's weights, running statistics and bit maps, with the images and classes it was trained on. */
export function writeModelWeights(file: string, model: tfl.LayersModel, source: SourceKind): void {
  writeTensorFile(file, modelArrays(model), { trainedOn: kindOfSource(source) });
}

/**
 * Give a model the weights of a file that `writeModelWeights` wrote.
 *
 * @throws HbnnError when an array is missing, has another shape, or the source has other images or classes
 */
export function readModelWeights(file: string, model: tfl.LayersModel, source: SourceKind): void {
  const { arrays, state } = readTensorFile(file);
  checkTrainedOn(state, source, file);
  importModel(model, arrays, file);
}
