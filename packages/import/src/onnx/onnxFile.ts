import { HbnnError } from '@hbnn/core';
import { Assembler } from '../assemble/assembler.ts';
import { besideFile, bytesOf } from '../files.ts';
import type { ReadModel } from '../keras/kerasModel.ts';
import { ownEntry } from '../ownEntry.ts';
import { Attributes } from './attributes.ts';
import {
  type Constant,
  constant,
  constantOf,
  type ExternalData,
  externalReader,
} from './constant.ts';
import { addTo, channelsFirst, type Feature, type OnnxValue, plain } from './feature.ts';
import { foldedNode, folds } from './foldConstants.ts';
import { type Graph, graphOf, hasChannelsLast, nodeName } from './graph.ts';
import { operators, refusals } from './operators.ts';
import { quantizers } from './quantizers.ts';
import { Ramps } from './ramps.ts';
import { decodeModel, type ModelProto, type NodeProto, type ValueInfoProto } from './schema.ts';

const floatType = 1;

/**
 * Read a network of an ONNX file. Channels come last in the model: its input is [height, width, channels].
 *
 * @throws HbnnError naming the node that cannot be imported, and what to do
 */
export function readOnnx(file: string): ReadModel & { readonly producer: string } {
  const model = decoded(file);
  const graph = graphOf(model, file);
  const importer = new GraphImporter(graph, file);
  const producer = `${model.producer_name} ${model.producer_version}`.trim();
  return { ...importer.run(), producer };
}

function decoded(file: string): ModelProto {
  const bytes = bytesOf(file);
  try {
    return decodeModel(bytes);
  } catch (error) {
    throw new HbnnError(
      `${file}: expected an ONNX file, got other or truncated bytes (${(error as Error).message}); export the network again`,
    );
  }
}

/** Walks the nodes of a graph and adds the layers that they become. */
class GraphImporter {
  private readonly values = new Map<string, OnnxValue>();
  private readonly absorbed = new Set<NodeProto>();
  private readonly assembler = new Assembler();
  private readonly groupedLayers: string[] = [];
  private readonly ramps = new Ramps();
  private batch: number | undefined;
  private readonly external: ExternalData;
  private readonly graph: Graph;
  private readonly file: string;

  constructor(graph: Graph, file: string) {
    this.graph = graph;
    this.file = file;
    this.external = externalReader((path) => besideFile(file, path));
  }

  run(): ReadModel {
    try {
      const { initializer, input, output, name } = this.graph.proto;
      for (const tensor of initializer) {
        const where = `${this.file}: weight '${tensor.name}'`;
        this.values.set(tensor.name, constantOf(tensor, where, this.external));
      }
      const inputs = input
        .filter((info) => !this.values.has(info.name))
        .map((info) => this.addInput(info));
      this.graph.nodes.forEach((node, i) => {
        if (!this.absorbed.has(node)) this.importNode(node, i);
      });
      const outputs = output.map((info) => this.outputOf(info.name));
      const title = name === '' ? 'network' : name;
      return {
        model: this.assembler.model(title, inputs, outputs),
        groupedLayers: this.groupedLayers,
      };
    } catch (error) {
      this.assembler.dispose();
      throw error;
    }
  }

  private addInput(info: ValueInfoProto): Feature['value'] {
    const where = `${this.file}: input '${info.name}'`;
    const type = info.type?.tensor_type;
    if (type?.elem_type !== floatType)
      throw new HbnnError(
        `${where}: expected float32, got the ONNX type ${type?.elem_type ?? 'none'}; export the network with float32 inputs`,
      );
    const shape = (type.shape?.dim ?? []).slice(1).map(({ dim_value }) => dim_value);
    const fixed = shape.length === 1 || shape.length === 3;
    if (!fixed || shape.some((size) => !(size > 0)))
      throw new HbnnError(
        `${where}: expected images of a fixed size, [batch, channels, height, width], got [${(type.shape?.dim ?? []).map(({ dim_value, dim_param }) => dim_param || dim_value).join(', ')}]; export the network with only the batch open`,
      );
    const count = type.shape?.dim[0]?.dim_value ?? 0;
    if (count > 0) this.batch = count;
    const isLast = shape.length === 1 || hasChannelsLast(this.graph, info.name);
    const axes = isLast ? shape.map((_, i) => i) : channelsFirst;
    const [channels, ...sizes] = shape;
    const value = this.assembler.input(info.name, isLast ? shape : [...sizes, channels]);
    this.values.set(info.name, { kind: 'feature', value, shape, axes, nonNegative: false });
    return value;
  }

  private outputOf(name: string): Feature['value'] {
    const value = this.values.get(name);
    if (value?.kind !== 'feature')
      throw new HbnnError(
        `${this.file}: output '${name}': expected a value computed from the images, got ${value === undefined ? 'none' : 'a constant'}; export the network again`,
      );
    const where = `${this.file}: output '${name}'`;
    // Maps keep channels last, lists come in ONNX's order.
    const isMap = value.shape.length === 3 && !value.pooled;
    return isMap ? value.value : plain(value, addTo(this.assembler, name, where)).value;
  }

  private importNode(node: NodeProto, place: number): void {
    const where = nodeName(this.file, node);
    const attributes = new Attributes(node, where);
    const inputs = node.input.map((name) => this.valueAt(name, where));
    const value =
      this.folded(node, attributes, inputs, where) ??
      this.layerFor(node, attributes, inputs, where, place);
    attributes.finish();
    this.values.set(node.output[0], value);
  }

  private valueAt(name: string, where: string): OnnxValue | undefined {
    if (name === '') return undefined;
    const value = this.values.get(name);
    if (value !== undefined) return value;
    throw new HbnnError(
      `${where}: expected inputs from nodes before it, got '${name}'; export the network again`,
    );
  }

  /** A value that is there, or a constant of nodes further back in the file, which are imported for it. */
  private valueAhead(name: string): OnnxValue | undefined {
    const value = this.values.get(name);
    if (value !== undefined) return value;
    const place = this.graph.nodes.findIndex(({ output }) => output[0] === name);
    const node = this.graph.nodes[place];
    if (node === undefined || this.absorbed.has(node)) return undefined;
    const isConstant = node.input.every((input) => {
      const kind = input === '' ? 'constant' : this.valueAhead(input)?.kind;
      return kind === 'constant' || (kind === 'feature' && node.op_type === 'Shape');
    });
    if (!isConstant) return undefined;
    this.importNode(node, place);
    this.absorbed.add(node);
    return this.values.get(name);
  }

  /** The value of a node that does not depend on the images. */
  private folded(
    node: NodeProto,
    attributes: Attributes,
    inputs: readonly (OnnxValue | undefined)[],
    where: string,
  ): Constant | undefined {
    if (node.op_type === 'Constant') return this.constantNode(attributes, where);
    const [first] = inputs;
    if (node.op_type === 'Shape' && first !== undefined) return shapeOf(first, attributes);
    const constants = inputs.filter((input) => input?.kind === 'constant' || input === undefined);
    if (first?.kind !== 'constant' || constants.length < inputs.length) return undefined;
    const given = constants as (Constant | undefined)[];
    const context = { inputs: given, attributes, where, external: this.external };
    const quantizer = ownEntry(quantizers, node.op_type);
    const result =
      quantizer === undefined
        ? foldedNode(node.op_type, context, first)
        : quantizer(context, first);
    if (result !== undefined) return result;
    throw new HbnnError(
      `${where}: expected one of ${Object.keys(folds).join(', ')} on constants, got ${node.op_type}; export the network with constants folded (onnxsim does it)`,
    );
  }

  private constantNode(attributes: Attributes, where: string): Constant {
    const tensor = attributes.tensor('value', this.external);
    if (tensor !== undefined) return tensor;
    const lists = attributes.ints('value_ints') ?? attributes.floats('value_floats');
    const isWhole = attributes.has('value_ints') || attributes.has('value_int');
    if (lists !== undefined) return { ...constant([lists.length], lists), isWhole };
    if (isWhole) return { ...constant([], [attributes.int('value_int', 0)]), isWhole };
    if (attributes.has('value_float')) return constant([], [attributes.float('value_float', 0)]);
    throw new HbnnError(
      `${where}: expected a constant of numbers, got another; export the network with constants folded`,
    );
  }

  private layerFor(
    node: NodeProto,
    attributes: Attributes,
    inputs: readonly (OnnxValue | undefined)[],
    where: string,
    place: number,
  ): OnnxValue {
    const operator = ownEntry(operators, node.op_type) ?? ownEntry(refusals, node.op_type);
    if (operator === undefined)
      throw new HbnnError(
        `${where}: expected one of ${Object.keys(operators).join(', ')}, got ${node.op_type}; replace it in the network before the export`,
      );
    const name = layerName(node, place);
    const absorbed: NodeProto[] = [];
    const value = operator({
      node,
      where,
      graph: this.graph,
      attributes,
      inputs,
      add: addTo(this.assembler, name, where, node.op_type),
      constantAt: (input) => {
        const other = this.valueAhead(input);
        return other?.kind === 'constant' ? other : undefined;
      },
      absorb: (other) => absorbed.push(other),
      give: (output, other) => this.values.set(output, other),
      batch: this.batch,
      ramps: this.ramps,
      onZeros: (layer) => this.groupedLayers.push(layer),
    });
    for (const other of absorbed) {
      this.absorbed.add(other);
      this.values.set(other.output[0], value);
    }
    return value;
  }
}

/** A layer's name: the node's, else its weight's, else its operator's with its place. */
function layerName(node: NodeProto, place: number): string {
  if (node.name !== '') return node.name;
  const weight = /^(.+)[./_](weight|kernel|W)$/.exec(node.input[1] ?? '')?.[1];
  return weight ?? `${node.op_type.toLowerCase()}_${place}`;
}

/** The sizes of a value as a constant; the batch's is NaN. */
function shapeOf(value: OnnxValue, attributes: Attributes): Constant {
  const sizes = value.kind === 'constant' ? value.shape : [Number.NaN, ...value.shape];
  const start = attributes.int('start', 0);
  const end = attributes.int('end', sizes.length);
  const part = sizes.slice(start, end);
  return { ...constant([part.length], part), isWhole: true };
}
