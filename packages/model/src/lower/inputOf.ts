/** The input channel that weight i of a layer meets; a depthwise convolution's is that of its output. */
export function inputOf(shape: readonly number[], channels: number, i: number): number {
  const depthwise = shape.length === 4 && shape[3] === 1 && channels > 1;
  if (!depthwise) return i % channels;
  const output = Math.floor(i / (shape[1] * shape[2]));
  return Math.floor(output / (shape[0] / channels));
}
