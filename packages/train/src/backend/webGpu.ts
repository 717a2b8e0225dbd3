import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import { waitFor, withEvents } from './dawnEvents.ts';
import { registerHostBinarization } from './hostBinarization.ts';

// The few parts of WebGPU that are used here: Node's types have none of it.
interface GpuBuffer {
  readonly size: number;
  readonly mapState: 'unmapped' | 'pending' | 'mapped';
  mapAsync(mode: number): Promise<void>;
  getMappedRange(): ArrayBuffer;
  unmap(): void;
}
interface GpuAdapter {
  readonly info: {
    readonly description: string;
    readonly device: string;
    readonly isFallbackAdapter?: boolean;
  };
}
interface Gpu {
  requestAdapter(): Promise<GpuAdapter | null>;
}
interface DawnPackage {
  create(flags: string[]): Gpu;
  readonly globals: Record<string, unknown> & {
    GPUBuffer: { prototype: GpuBuffer };
    GPUBufferUsage: { COPY_DST: number; MAP_READ: number };
    GPUMapMode: { READ: number };
  };
}

interface TensorData {
  values: tf.BackendValues | null;
  readonly dtype: tf.DataType;
  readonly resource?: GpuBuffer;
}
/** The parts of TensorFlow.js's WebGPU backend that reading back needs. */
interface WebGpuBackend {
  readonly tensorMap: { get(dataId: object): TensorData };
  readonly bufferManager: {
    acquireBuffer(size: number, usage: number): GpuBuffer;
    releaseBuffer(buffer: GpuBuffer): void;
  };
  readonly commandEncoder: {
    copyBufferToBuffer(from: GpuBuffer, at: number, to: GpuBuffer, toAt: number, n: number): void;
  };
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
  readSync(dataId: object): tf.BackendValues;
}

const load = createRequire(import.meta.url);

/** Dawn ends its devices when nobody holds it any more. */
let held: Gpu | undefined;

/**
 * Start TensorFlow.js's WebGPU backend on Dawn's binding for Node, and give it a `dataSync`, whose own
 * implementation needs a browser.
 *
 * @returns the adapter's name
 * @throws Error when the packages, a driver or an adapter are missing
 */
export async function startWebGpu(): Promise<string> {
  const dawn = dawnPackage();
  const gpu = dawn.create([]);
  const adapter = await gpu.requestAdapter();
  if (!adapter) throw new Error('no adapter was found (no Vulkan loader, no driver, or no GPU)');
  held = gpu;
  Object.assign(globalThis, dawn.globals);
  if (!Reflect.get(globalThis, 'navigator')) {
    Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true });
  }
  const navigator = Reflect.get(globalThis, 'navigator') as object;
  Object.defineProperty(navigator, 'gpu', { value: held, configurable: true });
  const { prototype } = dawn.globals.GPUBuffer;
  const map = prototype.mapAsync;
  prototype.mapAsync = function mapAsync(mode) {
    return withEvents(() => map.call(this, mode));
  };
  // It registers itself when it is loaded, if there is a navigator.gpu by then.
  load('@tensorflow/tfjs-backend-webgpu');
  if (!(await tf.setBackend('webgpu'))) throw new Error('tf.setBackend refused it');
  readSynchronously(tf.backend() as unknown as WebGpuBackend, dawn.globals);
  await registerHostBinarization('webgpu');
  const { description, device, isFallbackAdapter } = adapter.info;
  return `${description || device}${isFallbackAdapter ? ', in software' : ''}`;
}

function dawnPackage(): DawnPackage {
  try {
    load.resolve('@tensorflow/tfjs-backend-webgpu');
    return load('webgpu') as DawnPackage;
  } catch (error) {
    const [line] = String(error instanceof Error ? error.message : error).split('\n');
    throw new Error(`the packages webgpu and @tensorflow/tfjs-backend-webgpu do not load: ${line}`);
  }
}

/** Replace the backend's `readSync` by a copy to a mapped buffer that is waited for. */
function readSynchronously(backend: WebGpuBackend, globals: DawnPackage['globals']): void {
  const { GPUBufferUsage: usage, GPUMapMode: mode } = globals;
  const stock = backend.readSync.bind(backend);
  backend.readSync = (dataId) => {
    const data = backend.tensorMap.get(dataId);
    const { resource, dtype } = data;
    if (data.values || !resource || dtype === 'complex64') return stock(dataId);
    const staging = backend.bufferManager.acquireBuffer(
      resource.size,
      usage.COPY_DST | usage.MAP_READ,
    );
    backend.ensureCommandEncoderReady();
    backend.endComputePassEncoder();
    backend.commandEncoder.copyBufferToBuffer(resource, 0, staging, 0, resource.size);
    backend.submitQueue();
    staging.mapAsync(mode.READ).catch(() => {}); // the state tells
    waitFor(() => staging.mapState !== 'pending');
    if (staging.mapState !== 'mapped') throw new Error('webgpu: the device was lost');
    const bytes = staging.getMappedRange().slice(0);
    staging.unmap();
    backend.bufferManager.releaseBuffer(staging);
    data.values = tf.util.convertBackendValuesAndArrayBuffer(bytes, dtype);
    return data.values;
  };
}
