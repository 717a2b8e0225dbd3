import { type CheckedModel, checkModel } from '@hbnn/model';
import { Graph } from './graph.ts';
import { addLayer, inMemoryOrder } from './layers.ts';

/**
 * Write an integer model as ONNX of standard operators, whose scores are the interpreter's bit for bit.
 *
 * Its input `pixels` is uint8 [images, height, width, channels], its output `scores` int32 [images, scores].
 * Sums below 2^24 are computed in float32, which holds them exactly; larger ones as int32.
 */
export const exportOnnx = (model: CheckedModel): Uint8Array => encoded(model, new Graph());

/**
 * Write an integer model as QONNX: the same graph for one image, whose weights are planes as the model has them. Each
 * plane is a BipolarQuant of its signs by its scale, times a mask where not every weight has it, and the weight is the sum
 * of its planes; weights of 8 bits are a Quant. Everything else is of standard operators.
 *
 * @throws HbnnError naming a layer whose sums float32 does not hold
 */
export const exportQonnx = (model: CheckedModel): Uint8Array => encoded(model, new Graph(true));

function encoded(given: CheckedModel, graph: Graph): Uint8Array {
  const model = checkModel(given);
  const { shape, zeros } = model.input;
  graph.layer = 'pixels';
  const pixels = graph.cast('pixels', 'int32');
  const centred = graph.node('Sub', [pixels, graph.constant('int32', [shape[2]], zeros)]);
  const first = graph.node('Transpose', [centred], { perm: [0, 3, 1, 2] });
  const values: string[] = [];
  for (const checked of model.checkedLayers)
    values.push(
      addLayer(
        graph,
        checked,
        checked.sources.map((source) => values[source] ?? first),
      ),
    );
  graph.layer = 'scores';
  const { output } = model.checkedLayers[values.length - 1];
  const flat = inMemoryOrder(graph, values[values.length - 1], output);
  const offsets = graph.constant('int32', [1, model.scoreOffsets.length], model.scoreOffsets);
  graph.node('Add', [flat, offsets], {}, 'scores');
  const metadata = {
    hbnn: JSON.stringify({ classes: model.classes, scoreFactor: model.scoreFactor }),
  };
  return graph.encode(
    model.name,
    { name: 'pixels', type: 'uint8', shape },
    { name: 'scores', type: 'int32', shape: [model.classes.length] },
    metadata,
  );
}
