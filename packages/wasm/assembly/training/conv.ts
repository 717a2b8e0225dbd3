// Convolutions and their gradients, float32, NHWC, filters [kernelH, kernelW, inputs, outputs].
//
// With channels last, the kernelW * inputs values that one row of the kernel touches lie together in memory.
// A convolution is therefore a product whose inner index runs over kernelH rows of kernelW * inputs floats;
// output position (y, x) starts at row y * strideH, column x * strideW of the padded image. One zero-padded
// sample at a time is kept in scratch, and strips of 4 positions of it are packed, a cacheful at a time; the
// filter gradient reads the padded sample as it lies. Rows of the kernel that lie wholly in the padding are
// skipped (they would add zeros).
import {
  multiplyTile, packColumns, packStrip, panelsBytes, storeTile, STRIPS_BYTES, stripsBytes, TILE_BYTES,
} from './gemm';

/** Copies rows [top, top + height) and columns [left, left + width) of an image, zeros outside it. */
export function padCopy(
  image: usize, imageH: i32, imageW: i32, channels: i32, top: i32, left: i32, height: i32, width: i32, to: usize,
): void {
  const pixel = <usize>channels << 2;
  const rowBytes = <usize>width * pixel;
  const x0 = max(0, -left), x1 = max(x0, min(width, imageW - left));
  for (let y = 0; y < height; ++y) {
    const from = y + top;
    if (from < 0 || from >= imageH || x1 == x0) {
      memory.fill(to, 0, rowBytes);
    } else {
      memory.fill(to, 0, <usize>x0 * pixel);
      memory.copy(to + <usize>x0 * pixel, image + <usize>(from * imageW + left + x0) * pixel, <usize>(x1 - x0) * pixel);
      memory.fill(to + <usize>x1 * pixel, 0, <usize>(width - x1) * pixel);
    }
    to += rowBytes;
  }
}

/**
 * All outputs of one padded sample: out[y][x][o] for y < outH, x < outW, o < outputs, positions and rows of `out`
 * posBytes and rowBytes apart. `skip` is the number of padding rows above the image, imageH its height.
 * scratch: stripsBytes(kernelH * kernelW * channels) bytes.
 */
function convolve(
  source: usize, channels: i32, sourceW: i32, skip: i32, imageH: i32, panels: usize, kernelH: i32, kernelW: i32,
  strideH: i32, strideW: i32, out: usize, outH: i32, outW: i32, outputs: i32, posBytes: usize, rowBytes: usize,
  scratch: usize,
): void {
  const cols = kernelW * channels;
  const sourceRow = <usize>(sourceW * channels) << 2;
  const step = <usize>(strideW * channels) << 2;
  const panelBytes = <usize>(kernelH * cols) << 5, stripBytes = <usize>(kernelH * cols) << 4;
  const tile = scratch, strips = scratch + TILE_BYTES;
  const total = outH * outW;
  const group = max(1, STRIPS_BYTES / <i32>stripBytes) << 2;
  const rowsJoin = rowBytes == <usize>outW * posBytes;
  for (let first = 0; first < total; first += group) {
    const end = min(total, first + group);
    let strip = strips;
    for (let q = first; q < end; q += 4) {
      // Positions q to q + 3, the last one repeated past the end.
      const q1 = min(q + 1, total - 1), q2 = min(q + 2, total - 1), q3 = min(q + 3, total - 1);
      const top = q / outW * strideH;
      const r0 = max(0, skip - q3 / outW * strideH), r1 = max(r0, min(kernelH, imageH + skip - top));
      let p0 = source + <usize>(top + r0) * sourceRow + <usize>(q % outW) * step;
      let p1 = source + <usize>(q1 / outW * strideH + r0) * sourceRow + <usize>(q1 % outW) * step;
      let p2 = source + <usize>(q2 / outW * strideH + r0) * sourceRow + <usize>(q2 % outW) * step;
      let p3 = source + <usize>(q3 / outW * strideH + r0) * sourceRow + <usize>(q3 % outW) * step;
      let to = strip;
      for (let r = r0; r < r1; ++r) {
        to = packStrip(p0, p1, p2, p3, cols, to);
        p0 += sourceRow; p1 += sourceRow; p2 += sourceRow; p3 += sourceRow;
      }
      strip += stripBytes;
    }
    let panel = panels;
    for (let j = 0; j < outputs; j += 8) {
      const width = min(8, outputs - j);
      strip = strips;
      for (let q = first; q < end; q += 4) {
        const height = min(4, total - q), q3 = q + height - 1;
        const y = q / outW, x = q - y * outW;
        const r0 = max(0, skip - q3 / outW * strideH), r1 = max(r0, min(kernelH, imageH + skip - y * strideH));
        const b = panel + (<usize>(r0 * cols) << 5);
        const to = out + <usize>y * rowBytes + <usize>x * posBytes + (<usize>j << 2);
        if (height == 4 && width == 8 && (rowsJoin || x + 4 <= outW)) {
          multiplyTile(strip, 16, 0, b, 1, (r1 - r0) * cols, to, posBytes, false);
        } else {
          multiplyTile(strip, 16, 0, b, 1, (r1 - r0) * cols, tile, 32, false);
          for (let h = 0; h < height; ++h) {
            const at = <usize>((q + h) / outW) * rowBytes + <usize>((q + h) % outW) * posBytes;
            storeTile(tile + (<usize>h << 5), 1, width, out + at + (<usize>j << 2), 32);
          }
        }
        strip += stripBytes;
      }
      panel += panelBytes;
    }
  }
}

/** Bytes of the padded copy of one sample, as the forward pass and the filter gradient read it. */
function paddedBytes(
  inputs: f64, kernelH: f64, kernelW: f64, strideH: f64, strideW: f64, outH: f64, outW: f64,
): f64 {
  return ((outH - 1) * strideH + kernelH) * ((outW - 1) * strideW + kernelW) * inputs * 4;
}

/** Bytes of scratch memory that `conv2d` needs, of the sizes that it takes. */
export function conv2dScratch(
  batch: f64, inH: f64, inW: f64, inputs: f64, kernelH: f64, kernelW: f64, outputs: f64, strideH: f64, strideW: f64,
  padTop: f64, padLeft: f64, outH: f64, outW: f64,
): f64 {
  const k = kernelH * kernelW * inputs;
  return stripsBytes(k) + panelsBytes(k, outputs) + paddedBytes(inputs, kernelH, kernelW, strideH, strideW, outH, outW);
}

/** out[batch, outH, outW, outputs] = convolution of x[batch, inH, inW, inputs] with filter. */
export function conv2d(
  x: usize, filter: usize, out: usize, batch: i32, inH: i32, inW: i32, inputs: i32, kernelH: i32, kernelW: i32,
  outputs: i32, strideH: i32, strideW: i32, padTop: i32, padLeft: i32, outH: i32, outW: i32, scratch: usize,
): void {
  const k = kernelH * kernelW * inputs;
  const panels = scratch + <usize>stripsBytes(k);
  const padded = panels + (<usize>((outputs + 7) >> 3) * <usize>k << 5);
  packColumns(filter, k, outputs, <usize>outputs << 2, panels);
  const height = (outH - 1) * strideH + kernelH, width = (outW - 1) * strideW + kernelW;
  const plain = padTop == 0 && padLeft == 0 && height <= inH && width <= inW;
  const posBytes = <usize>outputs << 2, rowBytes = <usize>outW * posBytes;
  for (let n = 0; n < batch; ++n) {
    if (!plain) padCopy(x, inH, inW, inputs, -padTop, -padLeft, height, width, padded);
    convolve(
      plain ? x : padded, inputs, plain ? inW : width, padTop, inH, panels, kernelH, kernelW, strideH, strideW,
      out, outH, outW, outputs, posBytes, rowBytes, scratch,
    );
    x += <usize>(inH * inW * inputs) << 2;
    out += <usize>outH * rowBytes;
  }
}

/** Packs taps kh0 + s * t (t from the last to 0) of a filter, inputs and outputs exchanged: [inputs / 8][t][u][outputs][8]. */
function packRotated(
  filter: usize, kernelW: i32, inputs: i32, outputs: i32, kh0: i32, kw0: i32, strideH: i32, strideW: i32,
  tapsH: i32, tapsW: i32, panels: usize,
): void {
  const row = <usize>outputs << 2;
  for (let j = 0; j < inputs; j += 8) {
    const width = min(8, inputs - j);
    for (let t = tapsH - 1; t >= 0; --t) {
      for (let u = tapsW - 1; u >= 0; --u) {
        const tap = (kh0 + strideH * t) * kernelW + kw0 + strideW * u;
        if (width < 8) memory.fill(panels, 0, row << 3);
        for (let l = 0; l < width; ++l) {
          let from = filter + <usize>(tap * inputs + j + l) * row;
          let to = panels + (<usize>l << 2);
          for (let o = 0; o < outputs; ++o) {
            f32.store(to, f32.load(from));
            from += 4;
            to += 32;
          }
        }
        panels += row << 3;
      }
    }
  }
}

/** Writes zeros to a phase of dx that no output reads. */
function clearPhase(dx: usize, rows: i32, cols: i32, posBytes: usize, rowBytes: usize, bytes: usize): void {
  for (let y = 0; y < rows; ++y) {
    for (let x = 0; x < cols; ++x) memory.fill(dx + <usize>y * rowBytes + <usize>x * posBytes, 0, bytes);
  }
}

/** Bytes of scratch memory that `conv2dBackpropInput` needs, of the sizes that it takes. */
export function conv2dBackpropInputScratch(
  batch: f64, inH: f64, inW: f64, inputs: f64, kernelH: f64, kernelW: f64, outputs: f64, strideH: f64, strideW: f64,
  padTop: f64, padLeft: f64, outH: f64, outW: f64,
): f64 {
  const k = kernelH * kernelW * outputs;
  return stripsBytes(k) + panelsBytes(k, inputs) + (inH + kernelH) * (inW + kernelW) * outputs * 4;
}

/**
 * dx = gradient of conv2d for x. Input row i = ry + strideH * q meets kernel row kh where
 * i + padTop - kh = strideH * oy, so kh = kh0 + strideH * t with kh0 = (ry + padTop) mod strideH, and
 * oy = q + (ry + padTop - kh0) / strideH - t: for each phase (ry, rx) a convolution of dy with stride 1 and a
 * part of the kernel, rotated. No product with an inserted zero is ever made.
 */
export function conv2dBackpropInput(
  dy: usize, filter: usize, dx: usize, batch: i32, inH: i32, inW: i32, inputs: i32, kernelH: i32, kernelW: i32,
  outputs: i32, strideH: i32, strideW: i32, padTop: i32, padLeft: i32, outH: i32, outW: i32, scratch: usize,
): void {
  const pixel = <usize>inputs << 2;
  const posBytes = <usize>strideW * pixel, rowBytes = <usize>(strideH * inW) * pixel;
  for (let ry = 0; ry < min(strideH, inH); ++ry) {
    const kh0 = (ry + padTop) % strideH;
    const tapsH = max(0, (kernelH - kh0 + strideH - 1) / strideH);
    const top = (ry + padTop - kh0) / strideH - (tapsH - 1);
    const rows = (inH - ry + strideH - 1) / strideH;
    for (let rx = 0; rx < min(strideW, inW); ++rx) {
      const kw0 = (rx + padLeft) % strideW;
      const tapsW = max(0, (kernelW - kw0 + strideW - 1) / strideW);
      const left = (rx + padLeft - kw0) / strideW - (tapsW - 1);
      const cols = (inW - rx + strideW - 1) / strideW;
      const panels = scratch + <usize>stripsBytes(kernelH * kernelW * outputs);
      const padded = panels + (<usize>((inputs + 7) >> 3) * <usize>(tapsH * tapsW * outputs) << 5);
      packRotated(filter, kernelW, inputs, outputs, kh0, kw0, strideH, strideW, tapsH, tapsW, panels);
      const height = rows + tapsH - 1, width = cols + tapsW - 1;
      const plain = top == 0 && left == 0 && height <= outH && width <= outW;
      let to = dx + <usize>(ry * inW + rx) * pixel;
      let from = dy;
      for (let n = 0; n < batch; ++n) {
        if (tapsH == 0 || tapsW == 0) {
          clearPhase(to, rows, cols, posBytes, rowBytes, pixel);
        } else {
          if (!plain) padCopy(from, outH, outW, outputs, top, left, height, width, padded);
          convolve(
            plain ? from : padded, outputs, plain ? outW : width, -top, outH, panels, tapsH, tapsW, 1, 1,
            to, rows, cols, inputs, posBytes, rowBytes, scratch,
          );
        }
        to += <usize>(inH * inW) * pixel;
        from += <usize>(outH * outW * outputs) << 2;
      }
    }
  }
}

/** Output positions summed in registers before a tile of the filter gradient is added to memory. */
const BLOCK: i32 = 128;

/** Bytes of scratch memory that `conv2dBackpropFilter` needs, of the sizes that it takes. */
export function conv2dBackpropFilterScratch(
  batch: f64, inH: f64, inW: f64, inputs: f64, kernelH: f64, kernelW: f64, outputs: f64, strideH: f64, strideW: f64,
  padTop: f64, padLeft: f64, outH: f64, outW: f64,
): f64 {
  const rows = kernelH * (kernelW * inputs + 3) + outH * outW;
  // A tile reads up to 12 bytes past the last row.
  return panelsBytes(rows, outputs) + paddedBytes(inputs, kernelH, kernelW, strideH, strideW, outH, outW) + 16;
}

/**
 * dFilter = gradient of conv2d for the filter: for each row kh of the kernel the product
 * (kernelW * inputs, positions) x (positions, outputs), summed over samples and blocks of about 128 positions.
 */
export function conv2dBackpropFilter(
  x: usize, dy: usize, dFilter: usize, batch: i32, inH: i32, inW: i32, inputs: i32, kernelH: i32, kernelW: i32,
  outputs: i32, strideH: i32, strideW: i32, padTop: i32, padLeft: i32, outH: i32, outW: i32, scratch: usize,
): void {
  const cols = kernelW * inputs;
  const rowsPadded = (cols + 3) & ~3; // tiles have 4 rows: up to 3 more that are never copied out
  const panelCount = (outputs + 7) >> 3;
  const sumBytes = <usize>(kernelH * rowsPadded) << 5; // of one panel
  const dyPanelBytes = <usize>(outH * outW) << 5;
  const sums = scratch;
  const dyPanels = sums + <usize>panelCount * sumBytes;
  const padded = dyPanels + <usize>panelCount * dyPanelBytes;
  memory.fill(sums, 0, <usize>panelCount * sumBytes);
  const height = (outH - 1) * strideH + kernelH, width = (outW - 1) * strideW + kernelW;
  const sourceRow = <usize>(width * inputs) << 2;
  const step = <usize>(strideW * inputs) << 2;
  const blockRows = max(1, BLOCK / outW);
  for (let n = 0; n < batch; ++n) {
    // Always a copy: a tile reads up to 12 bytes past the last row.
    padCopy(x, inH, inW, inputs, -padTop, -padLeft, height, width, padded);
    packColumns(dy, outH * outW, outputs, <usize>outputs << 2, dyPanels);
    for (let block = 0; block < outH; block += blockRows) {
      for (let j = 0; j < panelCount; ++j) {
        let sum = sums + <usize>j * sumBytes;
        const panel = dyPanels + <usize>j * dyPanelBytes;
        for (let kh = 0; kh < kernelH; ++kh) {
          // Rows y of the block whose input row y * strideH + kh - padTop lies inside the image.
          const y0 = max(block, (max(0, padTop - kh) + strideH - 1) / strideH);
          const last = inH - 1 + padTop - kh;
          const y1 = min(min(outH, block + blockRows), last < 0 ? 0 : last / strideH + 1);
          if (y1 <= y0) {
            sum += <usize>rowsPadded << 5;
            continue;
          }
          let from = padded + <usize>(y0 * strideH + kh) * sourceRow;
          const b = panel + (<usize>(y0 * outW) << 5);
          for (let i = 0; i < cols; i += 4) {
            multiplyTile(from, step, <usize>strideH * sourceRow, b, y1 - y0, outW, sum, 32, true);
            from += 16;
            sum += 128;
          }
        }
      }
    }
    x += <usize>(inH * inW * inputs) << 2;
    dy += <usize>(outH * outW * outputs) << 2;
  }
  for (let j = 0; j < panelCount; ++j) {
    for (let kh = 0; kh < kernelH; ++kh) {
      storeTile(
        sums + <usize>j * sumBytes + (<usize>(kh * rowsPadded) << 5), cols, min(8, outputs - j * 8),
        dFilter + (<usize>(kh * cols * outputs + j * 8) << 2), <usize>outputs << 2,
      );
    }
  }
}
