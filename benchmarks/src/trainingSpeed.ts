/**
 * Training speed: images per CPU-second, forward, backward and SGD update, of two small binarized networks.
 *
 *   node --conditions=hbnn-source --import tsx benchmarks/src/trainingSpeed.ts [--json] [--save] [--ops] [--steps n]
 *
 * Networks (batch 32, 3x3 'same' convolutions, random data): `mnist` 28x28x1 widths 16, 32, 64, 64; `cifar`
 * 32x32x3 widths 32, 64, 64, 64; pools after the first two. A block is sign weights, convolution, pool, batch
 * norm, sign inputs; the gradient of both signs is straight-through. `fused` runs on the ops of @hbnn/train, at
 * 1 bit and at 1.4 bits (middle-out maps of weights and inputs, renewed each step); `composed` is the 1-bit
 * network of TensorFlow.js operations alone, on the backend named.
 * CPU time (process.cpuUsage) rather than wall time, so that other work on the machine counts less.
 */
import { parseArgs } from 'node:util';
import { averageBits, binarizer, type Mix, parseMix } from '@hbnn/core';
import {
  batchNormTrain,
  binarizeInputs,
  binarizeWeights,
  sgdMomentum,
  useBackend,
} from '@hbnn/train';
import * as tf from '@tensorflow/tfjs-core';
import { saveSpeed } from './report/speed.ts';

const batch = 32;
const nets = {
  mnist: { size: 28, channels: 1, widths: [16, 32, 64, 64] },
  cifar: { size: 32, channels: 3, widths: [32, 64, 64, 64] },
};
type NetName = keyof typeof nets;

/** One training step, and what it took to make. */
interface Trainer {
  step(): void;
  /** Multiply-adds of the convolutions of one step: forward, filters, and inputs but the first layer's. */
  readonly products: number;
}

interface Layer {
  readonly weights: tf.Variable<tf.Rank.R4>;
  readonly gamma: tf.Variable<tf.Rank.R1>;
  readonly beta: tf.Variable<tf.Rank.R1>;
  readonly pool: boolean;
}

/** How a network binarizes and normalizes. */
interface Blocks {
  weights(layer: Layer, index: number): tf.Tensor4D;
  inputs(x: tf.Tensor4D): tf.Tensor4D;
  norm(x: tf.Tensor4D, layer: Layer): tf.Tensor4D;
  update(variable: tf.Variable, velocity: tf.Variable, gradient: tf.Tensor): void;
}

function trainer(name: NetName, blocksFor: (layers: Layer[]) => Blocks): Trainer {
  const { size, channels, widths } = nets[name];
  const layers = widths.map((width, i) => layer(i === 0 ? channels : widths[i - 1], width, i));
  const dense = tf.variable(tf.randomNormal([widths[3], 10], 0, 0.1, 'float32', 99)) as tf.Variable;
  const blocks = blocksFor(layers);
  const images = tf.randomNormal<tf.Rank.R4>([batch, size, size, channels], 0, 1, 'float32', 7);
  const labels = tf.oneHot(
    tf.tensor1d(
      Array.from({ length: batch }, (_, i) => i % 10),
      'int32',
    ),
    10,
  );
  const variables = [...layers.flatMap((l) => [l.weights, l.gamma, l.beta]), dense];
  const velocities = variables.map((v) => tf.variable(tf.zerosLike(v), false));
  const loss = () => {
    let x: tf.Tensor4D = images;
    layers.forEach((l, i) => {
      if (i > 0) x = blocks.inputs(x);
      x = tf.conv2d(x, blocks.weights(l, i), 1, 'same');
      if (l.pool) x = tf.maxPool(x, 2, 2, 'valid');
      x = blocks.norm(x, l);
    });
    const logits = tf.matMul(tf.mean(x, [1, 2]) as tf.Tensor2D, dense as tf.Tensor2D);
    return tf.losses.softmaxCrossEntropy(labels, logits) as tf.Scalar;
  };
  return {
    step() {
      tf.tidy(() => {
        const { value, grads } = tf.variableGrads(loss, variables);
        variables.forEach((v, i) => {
          blocks.update(v, velocities[i], grads[v.name]);
        });
        if (!Number.isFinite(value.dataSync()[0])) throw new Error('the loss is not finite');
      });
    },
    products: countProducts(name),
  };
}

function layer(inputs: number, width: number, i: number): Layer {
  return {
    weights: tf.variable(tf.randomNormal([3, 3, inputs, width], 0, 0.1, 'float32', 10 + i)),
    gamma: tf.variable(tf.ones([width])),
    beta: tf.variable(tf.zeros([width])),
    pool: i < 2,
  };
}

function countProducts(name: NetName): number {
  const { size, channels, widths } = nets[name];
  return widths.reduce((sum, width, i) => {
    const side = i === 0 ? size : i === 1 ? size / 2 : size / 4;
    const inputs = i === 0 ? channels : widths[i - 1];
    return sum + side * side * 9 * inputs * width * batch * (i === 0 ? 2 : 3);
  }, 0);
}

const rates = { learningRate: 0.01, momentum: 0.9, weightDecay: 1e-4 };

/** The ops of @hbnn/train. */
function fusedBlocks(layers: Layer[], mix: Mix): Blocks {
  const binarizers = layers.map((l) =>
    binarizer({
      shape: l.weights.shape,
      layout: 'outputs-last',
      select: 'middle-out',
      mix,
    }),
  );
  const map = { kind: 'dynamic', mix, select: 'middle-out' } as const;
  return {
    weights: (l, i) => binarizeWeights(l.weights, binarizers[i], { renew: true }) as tf.Tensor4D,
    inputs: (x) => binarizeInputs(x, map).y as tf.Tensor4D,
    norm: (x, l) => batchNormTrain(x, l.gamma, l.beta, 1e-3).y as tf.Tensor4D,
    update: (v, velocity, g) => sgdMomentum(v, velocity, g, rates),
  };
}

/** TensorFlow.js's own operations. */
function composedBlocks(): Blocks {
  const sign = tf.customGrad((...inputs) => {
    const x = inputs[0] as tf.Tensor;
    (inputs[1] as unknown as tf.GradSaveFunc)([x]);
    return {
      value: tf.sub(tf.mul(tf.cast(tf.greater(x, 0), 'float32'), 2), 1),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
        tf.mul(dy, tf.cast(tf.lessEqual(tf.abs(saved[0]), 1), 'float32')),
    };
  });
  return {
    weights: (l) => sign(l.weights) as tf.Tensor4D,
    inputs: (x) => sign(x) as tf.Tensor4D,
    norm: (x, l) => {
      const { mean, variance } = tf.moments(x, [0, 1, 2]);
      return tf.batchNorm4d(x, mean as tf.Tensor1D, variance as tf.Tensor1D, l.beta, l.gamma, 1e-3);
    },
    update: (v, velocity, g) => {
      const next = tf.add(
        tf.mul(velocity, rates.momentum),
        tf.add(g, tf.mul(v, rates.weightDecay)),
      );
      velocity.assign(next);
      v.assign(tf.sub(v, tf.mul(next, rates.learningRate)));
    },
  };
}

interface Result {
  readonly net: NetName;
  readonly backend: string;
  readonly blocks: 'fused' | 'composed';
  readonly bits: number;
  readonly imagesPerCpuSecond: number;
  readonly imagesPerSecond: number;
  readonly stepCpuMs: number;
  readonly gigaflops: number;
}

function measure(t: Trainer, steps: number, warmUp: number) {
  for (let i = 0; i < warmUp; i++) t.step();
  const cpu = process.cpuUsage();
  const wall = process.hrtime.bigint();
  for (let i = 0; i < steps; i++) t.step();
  const spent = process.cpuUsage(cpu);
  const cpuMs = (spent.user + spent.system) / 1000 / steps;
  const wallMs = Number(process.hrtime.bigint() - wall) / 1e6 / steps;
  return {
    imagesPerCpuSecond: (batch * 1000) / cpuMs,
    imagesPerSecond: (batch * 1000) / wallMs,
    stepCpuMs: cpuMs,
    gigaflops: (2 * t.products) / cpuMs / 1e6,
  };
}

/** Wall time of each kernel in one step, by TensorFlow.js's own profile hooks, summed over steps. */
function kernelTimes(t: Trainer, steps: number): { kernel: string; ms: number; calls: number }[] {
  const sums = new Map<string, { ms: number; calls: number }>();
  const restore = tf.getKernelsForBackend('wasm').map((config) => {
    tf.unregisterKernel(config.kernelName, 'wasm');
    tf.registerKernel({
      ...config,
      kernelFunc: (parameters) => {
        const start = process.hrtime.bigint();
        const result = config.kernelFunc(parameters);
        const entry = sums.get(config.kernelName) ?? { ms: 0, calls: 0 };
        entry.ms += Number(process.hrtime.bigint() - start) / 1e6;
        entry.calls++;
        sums.set(config.kernelName, entry);
        return result;
      },
    });
    return config;
  });
  const start = process.hrtime.bigint();
  for (let i = 0; i < steps; i++) t.step();
  const total = Number(process.hrtime.bigint() - start) / 1e6 / steps;
  for (const config of restore) {
    tf.unregisterKernel(config.kernelName, 'wasm');
    tf.registerKernel(config);
  }
  const rows = [...sums].map(([kernel, { ms, calls }]) => ({
    kernel,
    ms: ms / steps,
    calls: calls / steps,
  }));
  const inKernels = rows.reduce((sum, row) => sum + row.ms, 0);
  rows.push({ kernel: '(outside kernels)', ms: total - inKernels, calls: 1 });
  return rows.sort((a, b) => b.ms - a.ms);
}

const variants = [
  { blocks: 'fused', mix: parseMix('1') },
  { blocks: 'fused', mix: parseMix('0.7/0.2/0.1') },
  { blocks: 'composed', mix: parseMix('1') },
] as const;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
      ops: { type: 'boolean', default: false },
      cpu: { type: 'boolean', default: false },
      steps: { type: 'string', default: '40' },
    },
  });
  const steps = Number(values.steps);
  const results: Result[] = [];
  const say = (r: Result) => {
    results.push(r);
    if (!values.json)
      console.log(
        `${r.net.padEnd(6)} ${r.backend.padEnd(5)} ${r.blocks.padEnd(9)} ${r.bits.toFixed(1)} bits ${r.imagesPerCpuSecond.toFixed(1).padStart(7)} img/cpu-s ${r.imagesPerSecond.toFixed(1).padStart(7)} img/s ${r.stepCpuMs.toFixed(1).padStart(8)} ms/step ${r.gigaflops.toFixed(1).padStart(5)} GFLOPS`,
      );
  };
  for (const backend of values.cpu ? (['wasm', 'cpu'] as const) : (['wasm'] as const)) {
    await useBackend({ prefer: backend });
    for (const net of ['mnist', 'cifar'] as const)
      for (const { blocks, mix } of variants) {
        const slow = backend === 'cpu';
        if (slow && blocks === 'fused') continue;
        const fused = (layers: Layer[]) => fusedBlocks(layers, mix);
        const t = trainer(net, blocks === 'fused' ? fused : composedBlocks);
        const bits = averageBits(mix);
        say({ net, backend, blocks, bits, ...measure(t, slow ? 1 : steps, slow ? 0 : 15) });
        if (values.ops && blocks === 'fused') printKernels(net, kernelTimes(t, steps));
      }
  }
  if (values.json) console.log(JSON.stringify(results, null, 2));
  if (values.save) saveSpeed('training', values.cpu ? 'wasm, cpu' : 'wasm', results);
}

function printKernels(net: NetName, rows: { kernel: string; ms: number; calls: number }[]): void {
  console.log(`  ${net}, one step by kernel (wall):`);
  for (const row of rows.filter(({ ms }) => ms >= 0.05))
    console.log(
      `  ${row.ms.toFixed(2).padStart(8)} ms ${row.calls.toFixed(0).padStart(4)} x ${row.kernel}`,
    );
}

await main();
