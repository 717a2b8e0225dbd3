import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { foldText } from '@hbnn/circuit';
import { inspectModel, type LayerView } from './inspectModel.ts';
import { readModelWithSize } from './modelFile.ts';
import { readRtl } from './rtlFolder.ts';

/** A layer of a folder of Verilog as `hbnn inspect` shows it. */
type RtlLayerView = {
  readonly name: string;
  readonly module: string;
  /** Lanes for outputs and inputs of a folded layer. */
  readonly fold?: string;
} & Partial<
  Pick<LayerView, 'kind' | 'input' | 'output' | 'weights' | 'averageBits' | 'bits' | 'macs'>
>;

/** A folder of Verilog as `hbnn inspect` shows it. */
export interface RtlView {
  readonly kind: 'Verilog folder';
  readonly model: string;
  readonly top: string;
  readonly architecture: 'unrolled' | 'folded';
  readonly style: string;
  readonly latencyCycles?: number;
  readonly cyclesPerImage?: number;
  readonly maxLevels?: number;
  readonly files: number;
  readonly bytes: number;
  /** Lines of Verilog; memories are in files of their own. */
  readonly lines: number;
  /** The file of the model, where it lies where the folder says. */
  readonly modelFile?: string;
  readonly layers: readonly RtlLayerView[];
}

/** Describe a folder of Verilog, with shapes and bits where the file of its model is there. */
export async function inspectRtl(folder: string): Promise<RtlView> {
  const { manifest, files } = readRtl(folder);
  const { model, top, style, architecture = 'unrolled', folds = {} } = manifest;
  const { latencyCycles, cyclesPerImage, maxLevels } = manifest;
  const path = manifest.modelFile === undefined ? undefined : join(folder, manifest.modelFile);
  const modelFile = path !== undefined && existsSync(path) ? path : undefined;
  const views = modelFile === undefined ? [] : await layerViews(modelFile, model);
  const texts = Object.entries(files);
  const all = readdirSync(folder).filter((name) => statSync(join(folder, name)).isFile());
  const layers = manifest.layers.map(({ layer, module }): RtlLayerView => {
    const fold = Object.hasOwn(folds, layer) ? folds[layer] : undefined;
    const view = views.find(({ name }) => name === layer);
    return {
      name: layer,
      module,
      ...(fold !== undefined && {
        fold: fold === 'constant' ? 'constant' : foldText(fold),
      }),
      ...(view !== undefined && shapesAndBits(view)),
    };
  });
  return {
    kind: 'Verilog folder',
    model,
    top,
    architecture,
    style,
    ...(latencyCycles !== undefined && { latencyCycles }),
    ...(cyclesPerImage !== undefined && { cyclesPerImage }),
    ...(maxLevels !== undefined && { maxLevels }),
    files: all.length,
    bytes: all.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0),
    lines: texts
      .filter(([name]) => name.endsWith('.v'))
      .reduce((sum, [, text]) => sum + text.split('\n').length - 1, 0),
    ...(modelFile !== undefined && { modelFile }),
    layers,
  };
}

/** The layers of a model file; none where it has become the file of another model. */
async function layerViews(file: string, name: string): Promise<readonly LayerView[]> {
  const { model, bytes } = await readModelWithSize(file);
  return model.name === name ? inspectModel(model, bytes).layers : [];
}

function shapesAndBits(view: LayerView): Omit<RtlLayerView, 'name' | 'module' | 'fold'> {
  const { kind, input, output, weights, averageBits, bits, macs } = view;
  return {
    kind,
    input,
    output,
    ...(weights !== undefined && { weights }),
    ...(bits !== undefined && { averageBits, bits }),
    macs,
  };
}
