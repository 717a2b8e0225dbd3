import { type FeatureShape, type JoinLayer, joinTerms } from '@hbnn/model';
import type { AdderStyle } from '../netlist/fabrics.ts';
import { Netlist } from '../netlist/netlist.ts';
import { weightedSum } from '../netlist/values.ts';
import { channelValue, type StreamLogic } from './beatLogic.ts';
import { beatWidth, type Stream, streamOf } from './stream.ts';

/**
 * A sum or concatenation of a place's values.
 *
 * @param input the channels of all inputs, one input after the other
 * @param inputs the inputs' shapes
 */
export function joinLogic(
  layer: JoinLayer,
  input: Stream,
  inputs: readonly FeatureShape[],
  style: AdderStyle,
): StreamLogic {
  const [height, width, all] = input.shape;
  const net = new Netlist(beatWidth(input));
  if (layer.kind === 'concat') {
    net.outputs.push(...input.forms.flatMap((_, c) => channelValue(net, input, c).bits));
    return { net, output: input };
  }
  const termsOf = joinTerms(
    layer,
    inputs.map(([, , channels]) => [1, 1, channels]),
  );
  const values = Array.from({ length: all / inputs.length }, (_, c) => {
    const terms = termsOf(c);
    return weightedSum(
      net,
      terms.map(([at]) => channelValue(net, input, at)),
      terms.map(([, weight]) => weight),
      style,
    );
  });
  net.outputs.push(...values.flatMap(({ bits }) => bits));
  const forms = values.map(({ form }) => form);
  return { net, output: streamOf([height, width, values.length], forms, 'number') };
}
