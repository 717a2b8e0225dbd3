import { encodeNpy } from '@hbnn/core';
import type { CheckedModel } from '@hbnn/model';
import { type Zippable, zipSync } from 'fflate';
import { modelTensors } from './modelTensors.ts';

/** The date of every entry, so that the same model gives the same bytes; the first that a ZIP archive can have. */
const date = new Date(1980, 0, 1);

/** Write an integer model's tensors as a NumPy archive; its entry `model.json` is the description. */
export function exportNpz(model: CheckedModel): Uint8Array {
  const { description, tensors } = modelTensors(model);
  const entries: Zippable = {
    'model.json': new TextEncoder().encode(`${JSON.stringify(description, null, 2)}\n`),
  };
  for (const [name, array] of Object.entries(tensors)) entries[`${name}.npy`] = encodeNpy(array);
  return zipSync(entries, { mtime: date, level: 6 });
}
