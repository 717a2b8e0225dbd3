import { geometry } from './layout.ts';
import type { ResidualTensor } from './residual.ts';
import { checkFloatTensor, type FloatTensor } from './tensor.ts';

/** The outputs-first shape of an outputs-last one. */
function shapeOutputsFirst(shape: readonly number[]): number[] {
  return shape.length === 1 ? [...shape] : [shape[shape.length - 1], ...shape.slice(0, -1)];
}

type Values = Float32Array | Float64Array | Uint8Array;

function reorder<T extends Values>(shape: readonly number[], data: T): T {
  const { outputs, outputStride, restStride } = geometry(shape, 'outputs-last');
  const rest = data.length / outputs;
  const out = data.slice() as T;
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < rest; i++) out[o * rest + i] = data[o * outputStride + i * restStride];
  return out;
}

/** Reorder weights from TensorFlow's layout (outputs last) to core's own (outputs first). */
export function outputsFirst(t: FloatTensor): FloatTensor {
  checkFloatTensor(t, 'outputsFirst');
  return { shape: shapeOutputsFirst(t.shape), data: reorder(t.shape, t.data) };
}

/** The same for binarized weights; those in core's layout are returned as they are. */
export function residualOutputsFirst(r: ResidualTensor): ResidualTensor {
  if (r.layout === 'outputs-first') return r;
  const shape = shapeOutputsFirst(r.shape);
  return {
    shape,
    layout: 'outputs-first',
    scalePer: r.scalePer,
    map: { ...r.map, shape, bits: reorder(r.shape, r.map.bits) },
    planes: r.planes.map(({ scales, members, signs }) => ({
      scales: scales.slice(),
      members: reorder(r.shape, members),
      signs: reorder(r.shape, signs),
    })),
  };
}
