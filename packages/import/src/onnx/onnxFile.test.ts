import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HbnnError } from '@hbnn/core';
import { useBackend } from '@hbnn/train';
import type * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectOutputs } from '../../test/goldenOutputs.ts';
import { readOnnx } from './onnxFile.ts';
import { modelType } from './schema.ts';

const golden = new URL('../../test/golden/onnx/', import.meta.url);

/** A message as JavaScript has it, to be changed. */
// biome-ignore lint/suspicious/noExplicitAny: tests change any field of a file, wrong types included.
type Message = any;

/** Read a network of the golden ones after a change. */
function changed(name: string, change: (model: Message) => void): unknown {
  const type = modelType();
  const bytes = readFileSync(new URL(`${name}.onnx`, golden));
  const model = type.toObject(type.decode(bytes), { longs: Number, arrays: true });
  change(model);
  const file = join(mkdtempSync(join(tmpdir(), 'hbnn-onnx-')), 'network.onnx');
  writeFileSync(file, type.encode(type.fromObject(model)).finish());
  return readOnnx(file).model;
}

const nodeOf = (model: Message, kind: string): Message =>
  model.graph.node.find((node: Message) => node.op_type === kind);

const attribute = (name: string, value: number): Message => ({ name, type: 2, i: value });

beforeAll(() => useBackend({ prefer: 'cpu' }));

describe('an ONNX file that cannot be imported is refused', () => {
  type Change = (model: Message) => void;
  const cases: [string, string, Change, RegExp][] = [
    [
      'for an operator',
      'vgg-13',
      (model) => Object.assign(nodeOf(model, 'Relu'), { op_type: 'Erf', name: 'act' }),
      /node 'act' \(Erf\): expected one of Add, .*, got Erf; replace it/,
    ],
    ...['Gelu', 'Mish'].map((kind): [string, string, Change, RegExp] => [
      `for ${kind}`,
      'vgg-13',
      (model) => Object.assign(nodeOf(model, 'Relu'), { op_type: kind, name: 'act' }),
      /node 'act' .*got an activation that falls before it rises.*; put Relu or ReLU6 in its place/,
    ]),
    [
      'for a size of 0',
      'padding-20',
      (model) => {
        nodeOf(model, 'Flatten').op_type = 'Reshape';
        nodeOf(model, 'Reshape').input.push('sizes');
        Object.assign(nodeOf(model, 'Reshape'), { attribute: [attribute('allowzero', 1)] });
        model.graph.initializer.push({
          name: 'sizes',
          dims: [2],
          data_type: 7,
          int64_data: [0, -1],
        });
      },
      /\(Reshape\): expected sizes of 1 or more beside allowzero 1, got \[0, -1\]/,
    ],
    [
      'for the domain of an operator',
      'vgg-13',
      (model) => Object.assign(nodeOf(model, 'Relu'), { domain: 'com.example' }),
      /\(Relu\): expected an operator of ONNX, got one of the domain 'com\.example'/,
    ],
    [
      'for its opset',
      'vgg-13',
      (model) => Object.assign(model.opset_import[0], { version: 22 }),
      /expected an opset from 9 to 21, got 22/,
    ],
    [
      'for an older opset',
      'vgg-13',
      (model) => Object.assign(model.opset_import[0], { version: 8 }),
      /expected an opset from 9 to 21, got 8/,
    ],
    [
      'for a function of its own',
      'vgg-13',
      (model) => model.functions.push({ name: 'Twice', domain: 'own' }),
      /got the function 'Twice'/,
    ],
    [
      'for an unknown attribute',
      'vgg-13',
      (model) => nodeOf(model, 'Conv').attribute.push(attribute('wrap', 1)),
      /\(Conv\): expected attributes that the operator is known to have, got 'wrap'/,
    ],
    [
      'for images of an open size',
      'vgg-13',
      (model) => {
        model.graph.input[0].type.tensor_type.shape.dim[2] = { dim_param: 'height' };
      },
      /input 'images': expected images of a fixed size, .*, got \[batch, 3, height, 12\]/,
    ],
    [
      'for float16 images',
      'vgg-13',
      (model) => Object.assign(model.graph.input[0].type.tensor_type, { elem_type: 10 }),
      /input 'images': expected float32, got the ONNX type 10/,
    ],
    [
      'for float16 weights',
      'vgg-13',
      (model) => Object.assign(model.graph.initializer[0], { data_type: 10 }),
      /weight 'w0': expected values of float, .*, got the ONNX type 10/,
    ],
    [
      'for weights that are cut off',
      'vgg-13',
      (model) => {
        const [weight] = model.graph.initializer;
        weight.raw_data = weight.raw_data.subarray(4);
      },
      /weight 'w0': expected 162 values for the shape \[6, 3, 3, 3\], got 644 bytes/,
    ],
    [
      'for weights of other channels',
      'vgg-13',
      (model) => {
        model.graph.initializer[0].dims = [6, 1, 3, 9];
      },
      /\(Conv\): expected weights for 3 channels in 1 groups/,
    ],
    [
      'for weights that are not finite',
      'vgg-13',
      (model) => {
        model.graph.initializer[0].raw_data = new Uint8Array(
          Float32Array.from({ length: 162 }, () => Number.NaN).buffer,
        );
      },
      /\(Conv\): expected finite weights, got NaN at place 0 of 'kernel'/,
    ],
    [
      'for a batch norm in training',
      'resnet-17',
      (model) => nodeOf(model, 'BatchNormalization').attribute.push(attribute('training_mode', 1)),
      /\(BatchNormalization\): expected training_mode 0, got 1; export .* evaluation mode/,
    ],
    [
      'for windows that may see padding alone',
      'resnet-17',
      (model) => {
        Object.assign(nodeOf(model, 'Relu'), { op_type: 'Tanh' });
        const { attribute: list } = nodeOf(model, 'MaxPool');
        list.find(({ name }: Message) => name === 'pads').ints = [0, 0, 3, 2];
      },
      /\(MaxPool\): expected padding that is less than the window of 3×3, got rows \[0, 3\] and columns \[0, 2\]; pool with less padding/,
    ],
    [
      'for padding below 0',
      'vgg-13',
      (model) => {
        const { attribute: list } = nodeOf(model, 'Conv');
        list.find(({ name }: Message) => name === 'pads').ints = [-1, 0, 0, 0];
      },
      /\(Conv\): expected four paddings of 0 or more, got \[-1, 0, 0, 0\]/,
    ],
    [
      'for weights outside of its folder',
      'external-21',
      (model) => {
        const { external_data: data } = model.graph.initializer[0];
        data.find(({ key }: Message) => key === 'location').value = '../weights.data';
      },
      /expected files of weights in its own folder, got '\.\.\/weights\.data'/,
    ],
    [
      'for weights that are not there',
      'external-21',
      () => {},
      /external-21\.data: could not be read .*; copy the file of weights beside the network/,
    ],
    [
      'for a quotient of two values',
      'resnet-17',
      (model) => Object.assign(nodeOf(model, 'Add'), { op_type: 'Div' }),
      /\(Div\): expected a quotient of a value and a constant/,
    ],
    [
      'for an input that no node gives',
      'vgg-13',
      (model) => {
        nodeOf(model, 'Relu').input = ['elsewhere'];
      },
      /\(Relu\): expected inputs from nodes before it, got 'elsewhere'/,
    ],
  ];

  it.each(cases)('%s', (_, name, change, message) => {
    expect(() => changed(name, change)).toThrow(message);
    expect(() => changed(name, change)).toThrow(HbnnError);
  });

  it('for other bytes, or too few', () => {
    const folder = mkdtempSync(join(tmpdir(), 'hbnn-onnx-'));
    const file = join(folder, 'network.onnx');
    writeFileSync(file, 'This is no network.');
    expect(() => readOnnx(file)).toThrow(/network\.onnx: expected (an ONNX file|a graph)/);
    const bytes = readFileSync(new URL('vgg-13.onnx', golden));
    writeFileSync(file, bytes.subarray(0, bytes.length - 100));
    expect(() => readOnnx(file)).toThrow(
      /network\.onnx: expected an ONNX file, got other or trunc/,
    );
    expect(() => readOnnx(join(folder, 'none.onnx'))).toThrow(/there is no such file/);
  });
});

describe('a Pad that names its axes', () => {
  it.each([
    [
      [2, 3],
      [1, 0, 0, 2],
    ],
    [
      [-1, -2],
      [0, 1, 2, 0],
    ],
  ])('%j adds the same zeros as one that names none', (axes, pads) => {
    const model = changed('padding-20', ({ graph }) => {
      const node = graph.node.find(({ op_type }: Message) => op_type === 'Pad');
      node.input = [node.input[0], 'pads', node.input[2], 'axes'];
      const list = (name: string, values: number[]) => ({
        name,
        dims: [values.length],
        data_type: 7,
        int64_data: values,
      });
      graph.initializer.push(list('pads', pads), list('axes', axes));
    });
    expectOutputs(model as never, fileURLToPath(new URL('padding-20.json', golden)), false);
  });
});

describe('quantizers on weights', () => {
  const scalar = (name: string, value: number, type = 1): Message => ({
    name,
    dims: [],
    data_type: type,
    ...(type === 1 ? { float_data: [value] } : { int32_data: [value] }),
  });

  /** The kernel of the first convolution, whose weights go through nodes. */
  function quantized(nodes: (weight: string) => Message[], others: Message[]): Float32Array {
    const model = changed('classifier-17', ({ graph }) => {
      const conv = graph.node.find(({ op_type }: Message) => op_type === 'Conv');
      graph.initializer.push({ name: 'q', dims: [4, 1, 3, 3], data_type: 1, float_data: weights });
      graph.initializer.push(...others);
      const added = nodes('q').map((node, i) => ({ ...node, output: [`out${i}`] }));
      conv.input[1] = `out${added.length - 1}`;
      graph.node.unshift(...added);
    }) as tfl.LayersModel;
    return model.getLayer('conv0').getWeights()[0].dataSync() as Float32Array;
  }

  const weights = Array.from({ length: 36 }, (_, i) =>
    Math.fround(Math.sin(i) * (i === 9 ? 0 : 1)),
  );
  /** Weights of [outputs, 1, 3, 3] as the layer has them, [3, 3, 1, outputs]. */
  const inLayer = (values: readonly number[]): number[] =>
    Array.from({ length: 36 }, (_, i) => Math.fround(values[(i % 4) * 9 + Math.floor(i / 4)]));
  const domain = 'qonnx.custom_op.general';

  it('BipolarQuant gives the scale with the sign of each weight, a + for 0', () => {
    const node = { op_type: 'BipolarQuant', domain };
    const kernel = quantized((q) => [{ ...node, input: [q, 's'] }], [scalar('s', 0.3)]);
    expect([...kernel]).toEqual(inLayer(weights.map((w) => (w >= 0 ? 0.3 : -0.3))));
  });

  it.each(['IntQuant', 'Quant'])('%s gives whole numbers times the scale', (op_type) => {
    const list = [scalar('s', 0.25), scalar('z', 0), scalar('b', 3)];
    const attribute = [
      { name: 'signed', type: 2, i: 1 },
      { name: 'narrow', type: 2, i: 1 },
      { name: 'rounding_mode', type: 3, s: Buffer.from('ROUND') },
    ];
    const node = { op_type, domain, attribute };
    const kernel = quantized((q) => [{ ...node, input: [q, 's', 'z', 'b'] }], list);
    const whole = weights.map((w) => Math.min(Math.max(Math.round(w / 0.25), -3), 3) * 0.25);
    expect([...kernel].map((w) => w + 0)).toEqual(inLayer(whole).map((w) => w + 0));
  });

  it('QuantizeLinear and DequantizeLinear by a scale of each output', () => {
    const scales = [0.01, 0.02, 0.004, 0.1];
    const lists = [
      { name: 's', dims: [4], data_type: 1, float_data: scales },
      { name: 'z', dims: [4], data_type: 3, int32_data: [0, 0, 0, 0] },
    ];
    const axis = [{ name: 'axis', type: 2, i: 0 }];
    const kernel = quantized(
      (q) => [
        { op_type: 'QuantizeLinear', input: [q, 's', 'z'], attribute: axis },
        { op_type: 'DequantizeLinear', input: ['out0', 's', 'z'], attribute: axis },
      ],
      lists,
    );
    const expected = weights.map((w, i) => {
      const scale = Math.fround(scales[Math.floor(i / 9)]);
      return Math.min(Math.max(Math.round(w / scale), -128), 127) * scale;
    });
    expect([...kernel]).toEqual(inLayer(expected));
  });

  it('are refused on values, with the way out', () => {
    const values = (): unknown =>
      changed('classifier-17', ({ graph }) => {
        const relu = graph.node.find(({ op_type }: Message) => op_type === 'Relu');
        Object.assign(relu, { op_type: 'QuantizeLinear', input: [relu.input[0], 's'] });
        graph.initializer.push(scalar('s', 0.1));
      });
    expect(values).toThrow(/\(QuantizeLinear\): .*on its weights alone, and let hbnn fine-tune/);
  });
});
