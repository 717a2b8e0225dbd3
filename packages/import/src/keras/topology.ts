import { HbnnError } from '@hbnn/core';
import { type Config, isObject, objectAt } from './fields.ts';

/** A layer of a Keras architecture with the layers it takes its inputs from. */
export interface TopologyLayer {
  readonly name: string;
  /** The names of the models around the layer and its own, with / between them: no other layer has the same. */
  readonly path: string;
  readonly className: string;
  readonly config: Config;
  /** Paths of layers. */
  readonly inputs: readonly string[];
}

/** A Keras architecture as a list of layers, each behind the layers it needs. */
export interface Topology {
  readonly name: string;
  readonly layers: readonly TopologyLayer[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** The models inside the model, whose layers are among the layers. */
  readonly models: readonly string[];
}

const wrappers = new Set(['Sequential', 'Functional', 'Model']);

/**
 * Read an architecture as Keras 2, Keras 3 and TensorFlow.js write it: a Sequential or a Functional model. The layers of
 * models inside the model stand in their place.
 *
 * @throws HbnnError naming the layer or field that cannot be read
 */
export function readTopology(value: unknown, file: string): Topology {
  const outer = modelTopology(value, file);
  if (!outer.layers.some(({ className }) => wrappers.has(className))) return outer;
  return opened(outer, file);
}

/** Put the layers of models inside a model in the places of these. */
function opened(outer: Topology, file: string): Topology {
  /** The layers that paths stand for: a model's output for the model, what a model reads for its inputs. */
  const ends = new Map<string, string>();
  const endOf = (path: string): string => ends.get(path) ?? path;
  const models: string[] = [];
  const layers = outer.layers.flatMap((layer): TopologyLayer[] => {
    const { name, className, config } = layer;
    const inputs = layer.inputs.map(endOf);
    if (!wrappers.has(className)) return [{ ...layer, inputs }];
    const where = `${file}: layer '${name}'`;
    const inner = readTopology({ class_name: className, config }, where);
    if (inner.inputs.length !== inputs.length || inner.outputs.length !== 1)
      throw new HbnnError(
        `${where}: expected a model of ${inputs.length} inputs and one output, got ${inner.inputs.length} and ${inner.outputs.length}; build the network of its layers, without the model around them`,
      );
    models.push(name);
    const within = (path: string): string => endOf(`${name}/${path}`);
    inner.inputs.forEach((input, i) => {
      ends.set(`${name}/${input}`, inputs[i]);
    });
    const own = inner.layers
      .filter((each) => !inner.inputs.includes(each.path))
      .map((each) => ({
        ...each,
        path: `${name}/${each.path}`,
        inputs: each.inputs.map(within),
      }));
    ends.set(name, within(inner.outputs[0]));
    return own;
  });
  return { ...outer, layers, outputs: outer.outputs.map(endOf), models };
}

function modelTopology(value: unknown, file: string): Topology {
  const { class_name: className, config } = objectAt(value, file);
  if (className === 'Sequential') return sequential(config, file);
  if (className === 'Functional' || className === 'Model')
    return functional(objectAt(config, file), file);
  throw new HbnnError(
    `${file}: expected a Sequential or Functional model, got ${String(className)}; rebuild the network as one and save it`,
  );
}

function layerAt(value: unknown, file: string, place: number): Omit<TopologyLayer, 'inputs'> {
  const layer = objectAt(value, `${file}: layer ${place}`);
  const className = String(layer.class_name);
  const config = objectAt(layer.config, `${file}: layer ${place}`);
  const name = layer.name ?? config.name;
  if (typeof name !== 'string')
    throw new HbnnError(
      `${file}: expected a name of layer ${place} (${className}), got none; save the network again`,
    );
  if (config.name !== undefined && config.name !== name)
    throw new HbnnError(
      `${file}: layer '${name}': expected one name, got '${String(config.name)}' in its configuration; save the network again`,
    );
  return { name, path: name, className, config };
}

function sequential(config: unknown, file: string): Topology {
  const { name = 'sequential', layers } = Array.isArray(config)
    ? { layers: config }
    : objectAt(config, file);
  if (!Array.isArray(layers) || layers.length === 0)
    throw new HbnnError(`${file}: expected layers, got none; save a network that has some`);
  const read = layers.map((layer, i) => layerAt(layer, file, i));
  const [first] = read;
  const build = isObject(config) ? config.build_input_shape : undefined;
  const chain: TopologyLayer[] = read.map((layer, i) => ({
    ...layer,
    inputs: i === 0 ? [] : [read[i - 1].name],
  }));
  if (first.className !== 'InputLayer') {
    const shape = first.config.batch_input_shape ?? first.config.batch_shape ?? build;
    const input = `${first.name}_input`;
    chain[0] = { ...chain[0], inputs: [input] };
    const inputConfig = { batch_shape: shape };
    const className = 'InputLayer';
    chain.unshift({ name: input, path: input, className, config: inputConfig, inputs: [] });
  }
  const last = chain[chain.length - 1].name;
  return {
    name: String(name),
    layers: chain,
    inputs: [chain[0].name],
    outputs: [last],
    models: [],
  };
}

function functional(config: Config, file: string): Topology {
  const { name = 'model', layers } = config;
  if (!Array.isArray(layers))
    throw new HbnnError(`${file}: expected layers, got none; save a network that has some`);
  const named = layers.map((layer, i) => layerAt(layer, file, i));
  const models = new Set(
    named.filter(({ className }) => wrappers.has(className)).map(({ name }) => name),
  );
  const read = named.map((layer, i): TopologyLayer => {
    const { inbound_nodes: recorded } = layers[i] as Config;
    // Keras records that augmentations are in training whatever the network is called for.
    const nodes = layer.className.startsWith('Random') ? withoutTraining(recorded) : recorded;
    return { ...layer, inputs: inputsOf(nodes, `${file}: layer '${layer.name}'`, models) };
  });
  const ends = (field: string): string[] => {
    const names = tensorsIn(config[field]).map((tensor) =>
      tensorName(tensor, `${file}: ${field}`, models),
    );
    const twice = names.find((end, i) => names.indexOf(end) < i);
    if (twice !== undefined || names.length === 0)
      throw new HbnnError(
        `${file}: ${field}: expected each layer once and at least one, got ${twice === undefined ? 'none' : `'${twice}' twice`}; save the network again`,
      );
    return names;
  };
  return {
    name: String(name),
    layers: sorted(read, file),
    inputs: ends('input_layers'),
    outputs: ends('output_layers'),
    models: [],
  };
}

/** A list of tensors that may be a single one: ["conv1", 0, 0]. */
function tensorsIn(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) return [];
  return typeof value[0] === 'string' ? [value] : value;
}

/** The layer of a tensor: [layer, call, output, arguments]. */
function tensorName(value: unknown, where: string, models: ReadonlySet<string>): string {
  const [layer, call, output, keywords] = Array.isArray(value) ? (value as unknown[]) : [];
  // Building a model counts as a call of it in older files.
  const isFirst = call === 0 || (call === 1 && models.has(String(layer)));
  if (typeof layer !== 'string' || !isFirst || output !== 0)
    throw new HbnnError(
      `${where}: expected an input that is the only output of a layer applied once, got ${JSON.stringify(value)}; make a layer of its own for each place`,
    );
  checkKeywords(keywords, where);
  return layer;
}

function checkKeywords(keywords: unknown, where: string): void {
  for (const [name, value] of Object.entries(isObject(keywords) ? keywords : {}))
    if (value !== null && !(name === 'training' && value === false))
      throw new HbnnError(
        `${where}: expected a call without arguments beside its inputs, got ${name} = ${JSON.stringify(value)}; call the layer without it`,
      );
}

/** Calls of a layer, each without what it says of training. */
const withoutTraining = (nodes: unknown): unknown =>
  Array.isArray(nodes)
    ? nodes.map((node: unknown) =>
        isObject(node) && isObject(node.kwargs)
          ? { ...node, kwargs: { ...node.kwargs, training: null } }
          : node,
      )
    : nodes;

function inputsOf(nodes: unknown, where: string, models: ReadonlySet<string>): string[] {
  if (!Array.isArray(nodes) || nodes.length === 0) return [];
  if (nodes.length > 1)
    throw new HbnnError(
      `${where}: expected a layer applied once, got one applied ${nodes.length} times; make a layer of its own for each place and copy the weights`,
    );
  const [node] = nodes as readonly unknown[];
  if (!isObject(node)) return tensorsIn(node).map((tensor) => tensorName(tensor, where, models));
  checkKeywords(node.kwargs, where);
  const args = Array.isArray(node.args) ? node.args : [];
  return args.flat().map((tensor: unknown) => {
    const { config } = objectAt(tensor, where);
    return tensorName(objectAt(config, where).keras_history, where, models);
  });
}

/** Put layers behind those that they need. */
function sorted(layers: readonly TopologyLayer[], file: string): TopologyLayer[] {
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  const order = new Set<TopologyLayer>();
  const open = new Set<string>();
  const visit = (name: string, user: string): void => {
    const layer = byName.get(name);
    if (layer === undefined || open.has(name))
      throw new HbnnError(
        `${file}: layer '${user}': expected inputs from layers before it, got '${name}'; save the network again`,
      );
    if (order.has(layer)) return;
    open.add(name);
    for (const input of layer.inputs) visit(input, name);
    open.delete(name);
    order.add(layer);
  };
  for (const { name } of layers) visit(name, name);
  return [...order];
}
