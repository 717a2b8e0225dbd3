// What the operations of a network compute, in float64 and by their definitions: an authority outside
// TensorFlow.js. Gradients are central differences of these.

/** Values in float64, row-major. */
export interface Exact {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}
export type Operation = (...inputs: Exact[]) => Exact;

/** Half the distance of a central difference: rounding costs 1e-12 of a value, the third derivative 1e-8. */
const h = 1e-4;

/** The gradients of sum(dy * operation(inputs)) for every input. */
export function differences(operation: Operation, inputs: Exact[], dy: Float64Array): Exact[] {
  const along = (): number => {
    const { data } = operation(...inputs);
    return data.reduce((sum, value, i) => sum + value * dy[i], 0);
  };
  return inputs.map(({ shape, data }) => ({
    shape,
    data: Float64Array.from(data, (value, i) => {
      data[i] = value + h;
      const above = along();
      data[i] = value - h;
      const below = along();
      data[i] = value;
      return (above - below) / (2 * h);
    }),
  }));
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((n, size) => n * size, 1);

function make(shape: readonly number[], value: (i: number) => number): Exact {
  return { shape, data: Float64Array.from({ length: sizeOf(shape) }, (_, i) => value(i)) };
}

export type Pad =
  | 'same'
  | 'valid'
  | readonly [top: number, bottom: number, left: number, right: number];

interface Axis {
  readonly out: number;
  readonly before: number;
}

/** Output size and padding before of one axis, as TensorFlow defines 'same' and 'valid'. */
function axis(size: number, kernel: number, stride: number, pad: Pad, side: 0 | 2): Axis {
  if (pad === 'valid') return { out: Math.floor((size - kernel) / stride) + 1, before: 0 };
  if (pad === 'same') {
    const out = Math.ceil(size / stride);
    const total = Math.max(0, (out - 1) * stride + kernel - size);
    return { out, before: Math.floor(total / 2) };
  }
  const padded = size + pad[side] + pad[side + 1];
  return { out: Math.floor((padded - kernel) / stride) + 1, before: pad[side] };
}

type Visit = (o: {
  out: number;
  n: number;
  /** Places [row * width + column, kernel row * kernel width + kernel column] of the window inside the image. */
  places: [number, number][];
}) => void;

/** Visit every window of an image [n, h, w, c]; returns the shape of what it gives, but for the channels. */
function windows(
  shape: readonly number[],
  [kh, kw]: readonly [number, number],
  [sh, sw]: readonly [number, number],
  pad: Pad,
  visit: Visit,
): [number, number, number] {
  const [batch, height, width] = shape;
  const rows = axis(height, kh, sh, pad, 0);
  const cols = axis(width, kw, sw, pad, 2);
  let out = 0;
  for (let n = 0; n < batch; n++)
    for (let y = 0; y < rows.out; y++)
      for (let x = 0; x < cols.out; x++, out++) {
        const places: [number, number][] = [];
        for (let i = 0; i < kh; i++)
          for (let j = 0; j < kw; j++) {
            const row = y * sh + i - rows.before;
            const col = x * sw + j - cols.before;
            if (row >= 0 && row < height && col >= 0 && col < width)
              places.push([row * width + col, i * kw + j]);
          }
        visit({ out, n, places });
      }
  return [batch, rows.out, cols.out];
}

export function conv2d(stride: number, pad: Pad): Operation {
  return (x, filter) => {
    const [kh, kw, inputs, outputs] = filter.shape;
    const values: number[] = [];
    const image = x.shape[1] * x.shape[2];
    const shape = windows(x.shape, [kh, kw], [stride, stride], pad, ({ n, places }) => {
      for (let o = 0; o < outputs; o++) {
        let sum = 0;
        for (const [at, tap] of places)
          for (let c = 0; c < inputs; c++)
            sum +=
              x.data[(n * image + at) * inputs + c] * filter.data[(tap * inputs + c) * outputs + o];
        values.push(sum);
      }
    });
    return { shape: [...shape, outputs], data: Float64Array.from(values) };
  };
}

export function depthwise(stride: number, pad: Pad): Operation {
  return (x, filter) => {
    const [kh, kw, channels, multiplier] = filter.shape;
    const values: number[] = [];
    const image = x.shape[1] * x.shape[2];
    const shape = windows(x.shape, [kh, kw], [stride, stride], pad, ({ n, places }) => {
      for (let c = 0; c < channels; c++)
        for (let m = 0; m < multiplier; m++)
          values.push(
            places.reduce(
              (sum, [at, tap]) =>
                sum +
                x.data[(n * image + at) * channels + c] *
                  filter.data[(tap * channels + c) * multiplier + m],
              0,
            ),
          );
    });
    return { shape: [...shape, channels * multiplier], data: Float64Array.from(values) };
  };
}

/** Maximum or mean of the elements of a window that lie inside the image. */
export function pool(kind: 'max' | 'average', size: number, stride: number, pad: Pad): Operation {
  return (x) => {
    const channels = x.shape[3];
    const values: number[] = [];
    const image = x.shape[1] * x.shape[2];
    const shape = windows(x.shape, [size, size], [stride, stride], pad, ({ n, places }) => {
      for (let c = 0; c < channels; c++) {
        const found = places.map(([at]) => x.data[(n * image + at) * channels + c]);
        const total = found.reduce((sum, value) => sum + value, 0);
        values.push(kind === 'max' ? Math.max(...found) : total / found.length);
      }
    });
    return { shape: [...shape, channels], data: Float64Array.from(values) };
  };
}

export function matMul(transposeA = false, transposeB = false): Operation {
  return (a, b) => {
    const [m, k] = transposeA ? [a.shape[1], a.shape[0]] : a.shape;
    const n = transposeB ? b.shape[0] : b.shape[1];
    return make([m, n], (i) => {
      const [row, col] = [Math.floor(i / n), i % n];
      let sum = 0;
      for (let l = 0; l < k; l++)
        sum +=
          a.data[transposeA ? l * m + row : row * k + l] *
          b.data[transposeB ? col * k + l : l * n + col];
      return sum;
    });
  };
}

/** Applies a function to each element. */
export function each(f: (value: number) => number): Operation {
  return ({ shape, data }) => ({ shape, data: data.map(f) });
}

/** Combines x with a vector over its last axis, or with one number. */
export function withVector(f: (x: number, v: number) => number): Operation {
  return ({ shape, data }, v) => ({
    shape,
    data: data.map((x, i) => f(x, v.data[i % v.data.length])),
  });
}

function columnMeans(data: Float64Array, channels: number): Float64Array {
  const means = new Float64Array(channels);
  data.forEach((value, i) => {
    means[i % channels] += (value * channels) / data.length;
  });
  return means;
}

export function batchNormTrain(epsilon: number): Operation {
  return (x, gamma, beta) => {
    const channels = gamma.data.length;
    const means = columnMeans(x.data, channels);
    const squares = x.data.map((value, i) => (value - means[i % channels]) ** 2);
    const variances = columnMeans(squares, channels);
    return batchNorm(x, means, variances, gamma, beta, epsilon);
  };
}

export function batchNormInfer(
  epsilon: number,
  mean: Float64Array,
  variance: Float64Array,
): Operation {
  return (x, gamma, beta) => batchNorm(x, mean, variance, gamma, beta, epsilon);
}

function batchNorm(
  x: Exact,
  mean: Float64Array,
  variance: Float64Array,
  gamma: Exact,
  beta: Exact,
  epsilon: number,
): Exact {
  const channels = gamma.data.length;
  return make(x.shape, (i) => {
    const c = i % channels;
    const normal = (x.data[i] - mean[c]) / Math.sqrt(variance[c] + epsilon);
    return gamma.data[c] * normal + beta.data[c];
  });
}

/** The mean over height and width of [n, h, w, c]. */
export function globalAverage(x: Exact): Exact {
  const [batch, height, width, channels] = x.shape;
  const places = height * width;
  return make([batch, channels], (i) => {
    const [n, c] = [Math.floor(i / channels), i % channels];
    let sum = 0;
    for (let at = 0; at < places; at++) sum += x.data[(n * places + at) * channels + c];
    return sum / places;
  });
}

/** The mean over samples of −log softmax(scores)[label]. */
export function crossEntropy(labels: readonly number[]): Operation {
  return ({ data }) => {
    const classes = data.length / labels.length;
    const losses = labels.map((label, i) => {
      const row = data.subarray(i * classes, (i + 1) * classes);
      return Math.log(row.reduce((sum, score) => sum + Math.exp(score), 0)) - row[label];
    });
    return make([], () => losses.reduce((sum, loss) => sum + loss, 0) / labels.length);
  };
}
