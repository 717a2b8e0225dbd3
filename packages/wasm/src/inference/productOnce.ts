import { featureCount } from '@hbnn/model';
import { inferenceCode, kernelsOn, webAssembly } from '../webAssembly.ts';
import { mapLayout, roundUp } from './featureMap.ts';
import { type PlannedProduct, valueStep } from './valueSteps.ts';

/** Compute a product of one feature map, [height, width, channels], in a memory of its own: [outputs][pixels]. */
export async function productOnce(
  plan: PlannedProduct,
  values: Int16Array,
): Promise<Int32Array<ArrayBuffer>> {
  const input = mapLayout(plan.input, 'int16', 1);
  const step = valueStep(0, plan, input, 1, 'pairs');
  let next = 64;
  const put = (bytes: number): number => {
    const at = next;
    next = roundUp(next + bytes, 64);
    return at;
  };
  const constants = step.constants.map(({ byteLength }) => put(byteLength));
  const at = {
    ...{ input: put(input.bytes), output: put(step.output.bytes) },
    ...{ scratch: put(step.scratchBytes), constants },
  };
  const memory = new webAssembly.Memory({ initial: Math.ceil((next + 1024) / 65536) });
  const bytes = new Uint8Array(memory.buffer);
  step.constants.forEach(({ buffer, byteOffset, byteLength }, i) => {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), constants[i]);
  });
  const [height, width, channels] = plan.input;
  const pixels = height * width;
  const planar = new Int16Array(memory.buffer, at.input, input.bytes / 2);
  for (let i = 0; i < featureCount(plan.input); i++)
    planar[(i % channels) * input.stride + Math.floor(i / channels)] = values[i];
  step.bind(await kernelsOn(inferenceCode(), memory), at)(1);
  const { stride } = step.output;
  const area = plan.output[0] * plan.output[1];
  const out = new Int32Array(plan.output[2] * area);
  const found = new Int32Array(memory.buffer, at.output, plan.output[2] * stride);
  for (let o = 0; o < plan.output[2]; o++)
    out.set(found.subarray(o * stride, o * stride + area), o * area);
  if (pixels * channels !== values.length) throw new Error('productOnce: values do not fit');
  return out;
}
