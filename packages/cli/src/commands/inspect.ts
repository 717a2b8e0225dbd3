import { HbnnError } from '@hbnn/core';
import { Command } from 'commander';
import { type BitCounts, histogramText } from '../bitHistogram.ts';
import { isFloatNetwork } from '../floatNetwork.ts';
import {
  type ArrayView,
  type BinarizedView,
  inspectArray,
  inspectBinarized,
  isBinarized,
} from '../inspectArray.ts';
import { inspectModel } from '../inspectModel.ts';
import { inspectNetwork, type NetworkView } from '../inspectNetwork.ts';
import { inspectRtl, type RtlView } from '../inspectRtl.ts';
import { inspectRun, type RunView } from '../inspectRun.ts';
import { readModelWithSize } from '../modelFile.ts';
import { numberText, type OutputOptions, printResult, quietFlag, tableText } from '../output.ts';
import { kindAt } from '../pathKind.ts';
import { missing } from '../unreadable.ts';

type View =
  | ReturnType<typeof inspectModel>
  | RunView
  | RtlView
  | NetworkView
  | ArrayView
  | BinarizedView;

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('show what is in a model file, a float network, a run, Verilog or an array')
    .argument(
      '<path>',
      'a model file; a run folder; a folder of hbnn verilog, hbnn import or hbnn binarize; an .onnx, .keras or .h5 file or a model.json; an .npy file',
    )
    .option('--json', 'print the result as JSON')
    .option(...quietFlag)
    .addHelpText(
      'after',
      `
For each layer the command prints the shapes, the average bits, and bars: how many of the weights, or of the values that
a threshold layer gives, have each number of bits.

Multiply-accumulates and operations are for one image. For a run they include products with padding, as is usual; for a
model they do not.

For a float network the command prints what each layer becomes in an integer model, or why the layer cannot become part
of one.

Examples:
  hbnn inspect m.hbnn
  hbnn inspect network.onnx`,
    )
    .action((path: string, o: OutputOptions) => run(path, o));
}

async function run(path: string, o: OutputOptions): Promise<void> {
  const view = await inspected(path);
  if (o.json) printResult({ path, ...view }, true);
  else {
    printResult({ path, ...headOf(view) });
    const rows = rowsOf(view);
    if (rows.length > 0) process.stdout.write(`\n${tableText(rows)}`);
    for (const fault of faultsOf(view)) process.stdout.write(`not lowered: ${fault}\n`);
  }
}

function rowsOf(view: View): readonly Record<string, unknown>[] {
  if (view.kind === 'NumPy array') return [];
  return view.kind === 'binarized tensor' ? [...view.planes.map(planeRow)] : layerRows(view.layers);
}

const planeRow = ({ plane, members, minScale, maxScale }: BinarizedView['planes'][number]) => ({
  plane,
  members,
  scale:
    minScale === maxScale
      ? numberText(minScale)
      : `${numberText(minScale)} … ${numberText(maxScale)}`,
});

/** Why layers, or the whole network, cannot be lowered. */
function faultsOf(view: View): readonly string[] {
  if (view.kind !== 'float network') return [];
  const faults = view.layers.flatMap(({ name, fault }) =>
    fault === undefined ? [] : [fault.startsWith(name) ? fault : `${name}: ${fault}`],
  );
  return [...(view.fault === undefined ? [] : [view.fault]), ...faults];
}

async function inspected(path: string): Promise<View> {
  const kind = kindAt(path);
  switch (kind) {
    case 'run folder':
      return inspectRun(path);
    case 'Verilog folder':
      return inspectRtl(path);
    case 'network folder':
    case 'TensorFlow.js folder':
      return inspectNetwork(path);
    case 'folder':
      if (isBinarized(path)) return inspectBinarized(path);
      throw new HbnnError(
        `${path}: expected a folder of a run, a network, Verilog or a binarized tensor, got a folder without their files; give the --out of hbnn train, hbnn import, hbnn verilog or hbnn binarize`,
      );
    case 'dumped model':
      throw new HbnnError(
        `${path}: expected the file of a model, got a folder of 'hbnn dump'; give the file that it was dumped from`,
      );
    case 'file':
      if (/\.npy$/i.test(path)) return inspectArray(path);
      if (isFloatNetwork(path)) return inspectNetwork(path);
      return inspectModelFile(path);
    case 'model file':
      return inspectModelFile(path);
    case 'nothing':
      throw missing(path, 'file or folder', 'name a model, a network, a run, Verilog or an array');

    default:
      return kind satisfies never;
  }
}

async function inspectModelFile(path: string): Promise<View> {
  const { model, bytes } = await readModelWithSize(path);
  return inspectModel(model, bytes);
}

/** What is said of the whole, without its layers. */
function headOf(view: View): Readonly<Record<string, unknown>> {
  if (view.kind === 'run folder') {
    const { kind, network, data, input, classes, parameters, macs, bytes } = view;
    const shape = input.join('×');
    const trained = { 'trained parameters': parameters };
    return { kind, network, data, input: shape, classes, ...trained, macs, bytes };
  }
  if (view.kind === 'Verilog folder') {
    const { layers: _, ...head } = view;
    return head;
  }
  if (view.kind === 'float network') return networkHead(view);
  if (view.kind === 'NumPy array') {
    const { shape, notFinite, values, ...head } = view;
    return {
      ...head,
      shape: shape.join('×'),
      ...(notFinite > 0 && { 'not finite': notFinite }),
      ...(values !== undefined && { 'share of each value': histogramText(values) }),
    };
  }
  if (view.kind === 'binarized tensor') {
    const { shape, elements, averageBits, bits, scalePer, kind } = view;
    const each = { 'average bits': averageBits, 'share of each bitwidth': histogramText(bits) };
    return { kind, shape: shape.join('×'), elements, ...each, 'scales for each': scalePer };
  }
  const { kind, name, input, classes, weights, bytes, bitsPerWeight, smallerThanFloat32 } = view;
  const operations = Object.entries(view.operations)
    .map(([operation, count]) => `${numberText(count)} ${operation}`)
    .join(', ');
  return {
    kind,
    name,
    input: input.join('×'),
    classes,
    weights,
    size: `${numberText(bytes)} bytes, ${numberText(bitsPerWeight)} bits per weight, ${numberText(smallerThanFloat32)} times smaller than float32`,
    macs: view.macs,
    operations,
  };
}

function networkHead(view: NetworkView): Readonly<Record<string, unknown>> {
  const { kind, format, producer, input, outputs, parameters, macs, normalization } = view;
  const faults = view.layers.filter(({ fault }) => fault !== undefined).length;
  const whole = view.fault === undefined ? 'every layer has an integer form' : 'no: see below';
  return {
    kind,
    from: producer === '' ? format : `${format}, ${producer}`,
    input: input.join('×'),
    outputs: outputs.map((shape) => shape.join('×')).join(', '),
    parameters: numberText(parameters),
    macs: numberText(macs),
    size: `${numberText(view.float32Bytes)} bytes as float32`,
    ...(normalization !== undefined && {
      normalization: `mean ${normalization.mean.join(', ')}; deviation ${normalization.deviation.join(', ')}`,
    }),
    'can be lowered': faults === 0 ? whole : `${faults} of ${view.layers.length} layers cannot`,
  };
}

/** What layers of all views may have. */
interface LayerRow {
  readonly reads?: readonly string[];
  readonly name: string;
  readonly kind?: string;
  readonly module?: string;
  readonly fold?: string;
  readonly input?: readonly number[];
  readonly output?: readonly number[];
  readonly weights?: number;
  readonly parameters?: number;
  readonly averageBits?: number;
  readonly bits?: BitCounts;
  readonly macs?: number;
  readonly becomes?: readonly string[];
  readonly fault?: string;
}

/** Layers as rows that all have the same columns, those that tell something of some layer. */
function layerRows(layers: readonly LayerRow[]): Record<string, unknown>[] {
  const rows = layers.map(layerRow);
  const columns = Object.keys(rows[0] ?? {}).filter((name) =>
    rows.some((row) => row[name] !== undefined),
  );
  return rows.map((row) => Object.fromEntries(columns.map((name) => [name, row[name]])));
}

const layerRow = (layer: LayerRow): Record<string, unknown> => ({
  layer: layer.name,
  kind: layer.kind,
  module: layer.module,
  fold: layer.fold,
  reads: layer.reads?.join(', '),
  input: layer.input?.join('×'),
  output: layer.output?.join('×'),
  weights: layer.weights,
  parameters: layer.parameters,
  macs: layer.macs,
  bits: layer.averageBits,
  'share of each bitwidth': layer.bits && histogramText(layer.bits),
  becomes: layer.fault === undefined ? becomesText(layer.becomes) : 'not lowered',
});

const becomesText = (kinds: readonly string[] | undefined): string | undefined =>
  kinds?.length === 0 ? 'nothing' : kinds?.join(', ');
