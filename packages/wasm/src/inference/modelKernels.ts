/** One kernel of integer models: a row here, functions in assembly/inference, and a step that binds them. */
export interface ModelKernelRow {
  readonly name: string;
  readonly operation: string;
  /** A way to compute a convolution or dense layer: chosen per layer, or by name (`kernels` of loadModel). */
  readonly product: boolean;
  /** What it asks of its inputs; the plan knows. */
  readonly inputs: 'int16' | 'int32' | 'binary' | 'pixels' | 'any';
  readonly tile?: string;
}

/** All kernels of integer models: the table drives dispatch, the contract suite, the bench and the README. */
export const modelKernelTable = [
  {
    name: 'readPixels',
    operation: 'subtracts the rounded mean of each channel from the pixels',
    product: false,
    inputs: 'pixels',
  },
  {
    name: 'pixelDot',
    operation:
      'convolution of pixels with 8-bit weights, without copying windows; only if the JavaScript engine multiplies bytes exactly',
    product: true,
    inputs: 'pixels',
    tile: '8 outputs x 4 pixels, 4 inputs',
  },
  {
    name: 'pairs',
    operation: 'products of int16 inputs; the lanes of a vector hold different pixels',
    product: true,
    inputs: 'int16',
    tile: '4 outputs x 8 pixels',
  },
  {
    name: 'dot',
    operation:
      'products of int16 inputs with 8-bit weights; the lanes of a vector hold different inputs; for layers with few pixels',
    product: true,
    inputs: 'int16',
    tile: '4 outputs x 4 pixels',
  },
  {
    name: 'codes',
    operation:
      'products of int16 inputs with weights of at most three bits (stored in four); for few pixels and many weights',
    product: true,
    inputs: 'int16',
    tile: '4 outputs x 1 pixel or 1 output x 4 pixels, 32 inputs',
  },
  {
    name: 'byteDot',
    operation:
      'products as in `dot`, for inputs from −63 to 63, stored as bytes; needs relaxed SIMD',
    product: true,
    inputs: 'int16',
    tile: '8 outputs x 4 pixels or 16 outputs x 1 pixel, 4 inputs',
  },
  {
    name: 'byteCodes',
    operation:
      'products as in `codes`, for inputs from −63 to 63, stored as bytes; needs relaxed SIMD',
    product: true,
    inputs: 'int16',
    tile: '4 outputs x 1 pixel or 1 output x 4 pixels, 32 inputs',
  },
  {
    name: 'wide',
    operation: 'products of inputs that do not fit into int16',
    product: true,
    inputs: 'int32',
    tile: '4 outputs x 4 pixels',
  },
  {
    name: 'lookup',
    operation:
      'products of binary inputs: four input bits select one of 16 sums in a table; weights of more bits take no more time',
    product: true,
    inputs: 'binary',
    tile: '2 outputs x 64 pixels',
  },
  {
    name: 'bits',
    operation:
      'products of binary inputs by counting bits, with a pass for each bit of the weights; for few pixels, as in dense layers',
    product: true,
    inputs: 'binary',
    tile: '1 output x 1 pixel, 1024 bits',
  },
  { name: 'depthwise', operation: 'depthwise convolution', product: false, inputs: 'any' },
  { name: 'maxPool', operation: 'max pooling', product: false, inputs: 'any' },
  { name: 'sumPool', operation: 'sum pooling', product: false, inputs: 'any' },
  {
    name: 'threshold',
    operation: 'compares sums with thresholds; the results are whole numbers',
    product: false,
    inputs: 'any',
  },
  {
    name: 'nibbles',
    operation: 'compares sums with thresholds; the results are bits, for `lookup` and `bits`',
    product: false,
    inputs: 'int32',
  },
  {
    name: 'requantize',
    operation:
      'scales sums to a smaller range: multiplies, adds, shifts and clamps, exactly in float64',
    product: false,
    inputs: 'any',
  },
  {
    name: 'add',
    operation: 'sum of branches, each multiplied by a whole number for each channel',
    product: false,
    inputs: 'any',
  },
  {
    name: 'concat',
    operation: 'concatenation of the channels of branches',
    product: false,
    inputs: 'any',
  },
  { name: 'narrow', operation: 'converts int32 to int16', product: false, inputs: 'int32' },
  { name: 'widen', operation: 'converts int16 to int32', product: false, inputs: 'int16' },
] as const satisfies readonly ModelKernelRow[];

export type ModelKernelName = (typeof modelKernelTable)[number]['name'];

/** Ways to compute a convolution or dense layer. */
export type ProductKernelName = Extract<
  (typeof modelKernelTable)[number],
  { readonly product: true }
>['name'];

export const productKernelNames: readonly ProductKernelName[] = modelKernelTable.flatMap((row) =>
  row.product ? [row.name] : [],
);
