import { type IntegerWeights, type PlaneWeights, weightValues } from '@hbnn/model';
import type { Graph } from './graph.ts';

/** How weights lie in ONNX. */
export interface WeightOrder {
  readonly shape: readonly number[];
  /** The shape of one scale for each output. */
  readonly scales: readonly number[];
  /** Bring values of the model's order into ONNX's. */
  readonly turned: (values: ArrayLike<number>, shape: readonly number[]) => ArrayLike<number>;
}

/** Add a layer's weights as float32: a constant, or as QONNX quantizes them. */
export function addWeights(graph: Graph, weights: IntegerWeights, order: WeightOrder): string {
  const { shape, turned } = order;
  if (graph.isQonnx && weights.kind === 'planes') return addPlanes(graph, weights, order);
  const values = graph.constant('float', shape, turned(weightValues(weights), weights.shape));
  if (!graph.isQonnx) return values;
  const number = (value: number): string => graph.constant('float', [], [value]);
  const attributes = { signed: 1, narrow: 1, rounding_mode: 'ROUND' };
  return graph.node('Quant', [values, number(1), number(0), number(8)], attributes);
}

/** The sum of the planes; weights of 0 bits everywhere are zeros. */
function addPlanes(graph: Graph, weights: PlaneWeights, order: WeightOrder): string {
  const { multiples, bits, signs, scalePer, shape } = weights;
  const float = (values: ArrayLike<number>): string =>
    graph.constant('float', order.shape, order.turned(values, shape));
  const planes = multiples.map((scales, n) => {
    const sign = float(Int8Array.from(signs, (word) => ((word >> n) & 1 ? 1 : -1)));
    const scaleShape = scalePer === 'tensor' ? [] : order.scales;
    const scale = graph.constant('float', scaleShape, scales);
    const plane = graph.node('BipolarQuant', [sign, scale]);
    if (bits.every((width) => width > n)) return plane;
    return graph.node('Mul', [plane, float(bits.map((width) => (width > n ? 1 : 0)))]);
  });
  if (planes.length === 0) return float(new Int8Array(bits.length));
  return planes.reduce((sum, plane) => graph.node('Add', [sum, plane]));
}
