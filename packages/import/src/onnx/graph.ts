import { HbnnError } from '@hbnn/core';
import { ownEntry } from '../ownEntry.ts';
import { qonnxDomains, quantizers } from './quantizers.ts';
import type { GraphProto, ModelProto, NodeProto } from './schema.ts';

const opsets = { min: 9, max: 21 } as const;

/** The main graph of a file, with who uses what. */
export interface Graph {
  readonly proto: GraphProto;
  readonly opset: number;
  readonly nodes: readonly NodeProto[];
  /** The nodes that take a value. */
  consumers(name: string): readonly NodeProto[];
  /** The only node that takes a value, where the value is no output of the graph. */
  soleConsumer(name: string): NodeProto | undefined;
}

/** What an error calls a node. */
export const nodeName = (file: string, node: NodeProto): string =>
  `${file}: node '${node.name || node.output[0]}' (${node.op_type})`;

/** Check what a file is made of, and take its graph. @throws HbnnError naming what cannot be imported */
export function graphOf(model: ModelProto, file: string): Graph {
  const { graph: proto } = model;
  if (proto == null || proto.node.length === 0)
    throw new HbnnError(`${file}: expected a graph with nodes, got none; export the network again`);
  const opset = model.opset_import.find(({ domain }) => isStandard(domain))?.version;
  if (opset === undefined || opset < opsets.min || opset > opsets.max)
    throw new HbnnError(
      `${file}: expected an opset from ${opsets.min} to ${opsets.max}, got ${opset ?? 'none'}; export the network with opset_version=17`,
    );
  const [local] = model.functions;
  if (local !== undefined)
    throw new HbnnError(
      `${file}: expected operators of ONNX alone, got the function '${local.name}'; export the network with functions inlined`,
    );
  if (proto.sparse_initializer.length > 0)
    throw new HbnnError(`${file}: expected dense weights, got sparse ones; export them as dense`);
  for (const node of proto.node)
    if (!isStandard(node.domain) && !isQuantizer(node))
      throw new HbnnError(
        `${nodeName(file, node)}: expected an operator of ONNX, got one of the domain '${node.domain}'; export the network with standard operators alone`,
      );
  return { proto, opset, nodes: proto.node, ...uses(proto) };
}

const isQuantizer = ({ domain, op_type: kind }: NodeProto): boolean =>
  qonnxDomains.includes(domain) && ownEntry(quantizers, kind) !== undefined;

const isStandard = (domain: string): boolean => domain === '' || domain === 'ai.onnx';

function uses(proto: GraphProto): Pick<Graph, 'consumers' | 'soleConsumer'> {
  const byInput = new Map<string, NodeProto[]>();
  for (const node of proto.node)
    for (const input of new Set(node.input))
      byInput.set(input, [...(byInput.get(input) ?? []), node]);
  const outputs = new Set(proto.output.map(({ name }) => name));
  const consumers = (name: string): readonly NodeProto[] => byInput.get(name) ?? [];
  return {
    consumers,
    soleConsumer(name) {
      const [first, ...others] = consumers(name);
      return others.length > 0 || outputs.has(name) ? undefined : first;
    },
  };
}

/** Operators that leave the order of the axes as it is. */
const keepsAxes = /^(Add|Sub|Mul|Div|Cast|Identity|Clip|Relu)$/;

/** Whether a graph's input has its channels last: it is transposed before the first layer. */
export function hasChannelsLast(graph: Graph, input: string): boolean {
  const users = graph.consumers(input);
  return (
    users.length > 0 &&
    users.every((node) => {
      if (keepsAxes.test(node.op_type)) return hasChannelsLast(graph, node.output[0]);
      if (node.op_type === 'Reshape') return true;
      const perm = node.attribute.find(({ name }) => name === 'perm')?.ints ?? [];
      return node.op_type === 'Transpose' && perm.join() === '0,3,1,2';
    })
  );
}
