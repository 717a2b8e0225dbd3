import protobuf from 'protobufjs/light.js';
import { onnxSchema } from './schema.ts';

/** Numbers of ONNX for the types of elements. */
const elementTypes = {
  float: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  double: 11,
} as const;
export type ElementType = keyof typeof elementTypes;

/** ONNX's numbers for the types of attributes. */
const attributeTypes = { int: 2, text: 3, ints: 7 } as const;

/** Operators are those of this set, and the file is of the version that came with it. */
const opset = 13;
const irVersion = 7;

export type Attributes = Readonly<Record<string, number | string | readonly number[]>>;

/** Operators of QONNX, which lie in a domain of their own. */
const qonnxOperators: ReadonlySet<string> = new Set(['BipolarQuant', 'Quant']);
const qonnxDomain = 'qonnx.custom_op.general';

function attributeOf(name: string, value: Attributes[string]): object {
  if (typeof value === 'number') return { name, i: value, type: attributeTypes.int };
  if (typeof value === 'string')
    return { name, s: new TextEncoder().encode(value), type: attributeTypes.text };
  return { name, ints: value, type: attributeTypes.ints };
}

/** A tensor that comes into a graph or goes out, its first dimension free. */
export interface GraphBorder {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
}

/** A graph of ONNX operators, built node by node; tensors are named by numbers. */
export class Graph {
  readonly #nodes: object[] = [];
  readonly #initializers: object[] = [];
  /** Whether weights are written as QONNX quantizes them: planes of signs, and whole numbers of 8 bits. */
  readonly isQonnx: boolean;
  #count = 0;
  /** The layer whose nodes are being added. */
  layer = '';

  constructor(isQonnx = false) {
    this.isQonnx = isQonnx;
  }

  /** Add an operator and give the name of its output, or give it one. */
  node(
    operator: string,
    inputs: readonly string[],
    attributes: Attributes = {},
    output?: string,
  ): string {
    this.#count++;
    const name = output ?? `t${this.#count}`;
    this.#nodes.push({
      input: inputs,
      output: [name],
      name: `${this.layer}/${operator}_${this.#count}`,
      op_type: operator,
      attribute: Object.entries(attributes).map(([key, value]) => attributeOf(key, value)),
      ...(qonnxOperators.has(operator) && { domain: qonnxDomain }),
    });
    return name;
  }

  /** Add a constant tensor of whole numbers. */
  constant(type: ElementType, shape: readonly number[], values: ArrayLike<number>): string {
    this.#count++;
    const name = `c${this.#count}`;
    this.#initializers.push({
      dims: shape,
      data_type: elementTypes[type],
      name,
      raw_data: rawData(type, values),
    });
    return name;
  }

  /** Convert a tensor to another type. */
  cast(input: string, to: ElementType): string {
    return this.node('Cast', [input], { to: elementTypes[to] });
  }

  /** Give a tensor another shape; −1 is what the others leave. */
  reshape(input: string, shape: readonly number[]): string {
    return this.node('Reshape', [input, this.constant('int64', [shape.length], shape)]);
  }

  /** The bytes of a model with this graph. */
  encode(
    name: string,
    input: GraphBorder,
    output: GraphBorder,
    metadata: Readonly<Record<string, string>>,
  ): Uint8Array {
    const message = protobuf.Root.fromJSON(onnxSchema).lookupType('ModelProto');
    return message
      .encode({
        ir_version: irVersion,
        producer_name: 'hbnn',
        opset_import: [
          { domain: '', version: opset },
          ...(this.isQonnx ? [{ domain: qonnxDomain, version: 1 }] : []),
        ],
        metadata_props: Object.entries(metadata).map(([key, value]) => ({ key, value })),
        graph: {
          node: this.#nodes,
          name,
          initializer: this.#initializers,
          input: [borderInfo(input, this.isQonnx)],
          output: [borderInfo(output, this.isQonnx)],
        },
      })
      .finish();
  }
}

/** Tools of QONNX take one image at a time. */
const borderInfo = ({ name, type, shape }: GraphBorder, isQonnx: boolean): object => ({
  name,
  type: {
    tensor_type: {
      elem_type: elementTypes[type],
      shape: {
        dim: [
          isQonnx ? { dim_value: 1 } : { dim_param: 'images' },
          ...shape.map((size) => ({ dim_value: size })),
        ],
      },
    },
  },
});

/** The little-endian bytes of a tensor's elements. */
function rawData(type: ElementType, values: ArrayLike<number>): Uint8Array {
  const size = { float: 4, uint8: 1, int32: 4, int64: 8, bool: 1, double: 8 }[type];
  const bytes = new Uint8Array(values.length * size);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) {
    const at = i * size;
    if (type === 'float') view.setFloat32(at, values[i], true);
    else if (type === 'double') view.setFloat64(at, values[i], true);
    else if (type === 'int32') view.setInt32(at, values[i], true);
    else if (type === 'int64') view.setBigInt64(at, BigInt(values[i]), true);
    else bytes[at] = values[i];
  }
  return bytes;
}
