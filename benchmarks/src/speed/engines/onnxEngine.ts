import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type BenchLayer, type LayerEngine, outputSize } from './layers.ts';

/** What is used of onnxruntime's JavaScript interface. */
interface OnnxRuntime {
  readonly env: { readonly wasm?: { numThreads?: number }; logLevel?: string };
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options: Readonly<Record<string, unknown>>,
    ): Promise<{
      run(feeds: Readonly<Record<string, unknown>>): Promise<unknown>;
      release(): Promise<void>;
    }>;
  };
  readonly Tensor: new (
    type: string,
    data: Float32Array | Uint8Array,
    shape: readonly number[],
  ) => { dispose(): void };
}

interface OnnxProto {
  readonly onnx: {
    readonly ModelProto: {
      create(model: object): object;
      encode(model: object): { finish(): Uint8Array };
    };
  };
}

const peers = fileURLToPath(new URL('../../../peers/package.json', import.meta.url));
export const onnxRuntimes = ['onnxruntime-web', 'onnxruntime-node'] as const;
export type OnnxRuntimeName = (typeof onnxRuntimes)[number];

async function load(name: OnnxRuntimeName): Promise<OnnxRuntime> {
  const require = createRequire(peers);
  if (name === 'onnxruntime-node') return require(name);
  const file = require.resolve('onnxruntime-web/wasm');
  const runtime: OnnxRuntime = await import(pathToFileURL(file).href);
  return runtime;
}

/** Whether `pnpm setup:peers` has been run. */
export function hasPeers(): boolean {
  try {
    createRequire(peers).resolve('onnx-proto');
    return true;
  } catch {
    return false;
  }
}

const float32 = 1;
const uint8 = 2;
const int8 = 3;
const ints = 7;

const valueInfo = (name: string, elemType: number, shape: readonly number[]): object => ({
  name,
  type: { tensorType: { elemType, shape: { dim: shape.map((dimValue) => ({ dimValue })) } } },
});

const initializer = (
  name: string,
  dataType: number,
  dims: readonly number[],
  data: Uint8Array | Int8Array | Float32Array,
): object => ({
  name,
  dataType,
  dims,
  rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
});

/** A model of one convolution: float32, or QLinearConv with uint8 inputs and outputs and int8 weights. */
function convModel(layer: BenchLayer, batch: number, quantized: boolean): Uint8Array {
  const { onnx }: OnnxProto = createRequire(peers)('onnx-proto');
  const { size, inputs, outputs, kernel, pad } = layer;
  const out = outputSize(layer);
  const type = quantized ? uint8 : float32;
  const weights = [outputs, inputs, kernel, kernel];
  const count = weights.reduce((product, n) => product * n, 1);
  const values = Float32Array.from({ length: count }, (_, i) => ((i * 7919) % 255) - 127);
  const scale = (name: string) => initializer(name, float32, [], Float32Array.of(0.01));
  const zero = (name: string, kind: number) => initializer(name, kind, [], Uint8Array.of(0));
  const node = quantized
    ? { opType: 'QLinearConv', input: ['x', 'xs', 'xz', 'w', 'ws', 'wz', 'ys', 'yz'] }
    : { opType: 'Conv', input: ['x', 'w'] };
  const model = {
    irVersion: 8,
    opsetImport: [{ domain: '', version: 13 }],
    graph: {
      name: layer.name,
      input: [valueInfo('x', type, [batch, inputs, size, size])],
      output: [valueInfo('y', type, [batch, outputs, out, out])],
      initializer: quantized
        ? [
            scale('xs'),
            scale('ws'),
            scale('ys'),
            zero('xz', uint8),
            zero('wz', int8),
            zero('yz', uint8),
            initializer('w', int8, weights, Int8Array.from(values)),
          ]
        : [initializer('w', float32, weights, values)],
      node: [
        {
          ...node,
          output: ['y'],
          attribute: [{ name: 'pads', type: ints, ints: [pad, pad, pad, pad] }],
        },
      ],
    },
  };
  return onnx.ModelProto.encode(onnx.ModelProto.create(model)).finish();
}

/** A convolution in onnxruntime, WebAssembly or native, on one thread. */
export async function onnxEngine(
  name: OnnxRuntimeName,
  layer: BenchLayer,
  batch: number,
  quantized: boolean,
): Promise<LayerEngine> {
  const runtime = await load(name);
  if (runtime.env.wasm !== undefined) runtime.env.wasm.numThreads = 1;
  const session = await runtime.InferenceSession.create(convModel(layer, batch, quantized), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    executionProviders: [name === 'onnxruntime-web' ? 'wasm' : 'cpu'],
  });
  const { size, inputs } = layer;
  const shape = [batch, inputs, size, size];
  const count = shape.reduce((product, n) => product * n, 1);
  const x = quantized
    ? new runtime.Tensor('uint8', new Uint8Array(count).fill(3), shape)
    : new runtime.Tensor('float32', new Float32Array(count).fill(0.5), shape);
  return {
    engine: `${name} ${quantized ? 'int8' : 'float32'}`,
    async turn() {
      const begin = performance.now();
      await session.run({ x });
      return performance.now() - begin;
    },
    dispose: () => session.release(),
  };
}
