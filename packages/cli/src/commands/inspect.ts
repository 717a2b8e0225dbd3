import { HbnnError } from '@hbnn/core';
import { Command } from 'commander';
import { type BitCounts, histogramText } from '../bitHistogram.ts';
import { inspectModel } from '../inspectModel.ts';
import { inspectRtl, type RtlView } from '../inspectRtl.ts';
import { inspectRun, type RunView } from '../inspectRun.ts';
import { readModelWithSize } from '../modelFile.ts';
import { numberText, type OutputOptions, printResult, quietFlag, tableText } from '../output.ts';
import { kindAt } from '../pathKind.ts';

type View = ReturnType<typeof inspectModel> | RunView | RtlView;

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('show what is in a model file, a run folder or a folder of Verilog')
    .argument('<path>', 'model file, run folder of hbnn train, or folder of hbnn verilog')
    .option('--json', 'print the result as JSON')
    .option(...quietFlag)
    .addHelpText(
      'after',
      '\nEach layer has its shapes, its bits on average and a bar for the share of each bitwidth: of its weights, or of\nthe values that a threshold layer gives. Multiply-accumulates and operations are those of one image.\nThose of a run count the places in padding, as is usual of networks; those of a model leave them out.\n\nExample:\n  hbnn inspect m.hbnn',
    )
    .action((path: string, o: OutputOptions) => run(path, o));
}

async function run(path: string, o: OutputOptions): Promise<void> {
  const view = await inspected(path);
  if (o.json) printResult({ path, ...view }, true);
  else {
    printResult({ path, ...headOf(view) });
    process.stdout.write(`\n${tableText(layerRows(view.layers))}`);
  }
}

async function inspected(path: string): Promise<View> {
  const kind = kindAt(path);
  switch (kind) {
    case 'run folder':
      return inspectRun(path);
    case 'Verilog folder':
      return inspectRtl(path);
    case 'network folder':
      throw new HbnnError(
        `${path}: expected a run folder, a model file or a folder of Verilog, got a float network, as hbnn import writes it; fine-tune it first: hbnn fine-tune ${path} --out runs/fine-tuned`,
      );
    case 'folder':
      throw new HbnnError(
        `${path}: expected a run folder, with config.json, or one of Verilog, with hbnn.json, got a folder without either; give the --out of hbnn train or hbnn verilog`,
      );
    case 'model file':
    case 'file':
    case 'nothing': {
      const { model, bytes } = await readModelWithSize(path);
      return inspectModel(model, bytes);
    }
    default:
      return kind satisfies never;
  }
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
});
