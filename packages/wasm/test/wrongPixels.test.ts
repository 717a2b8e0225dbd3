import { HbnnError } from '@hbnn/core';
import { randomModel } from '@hbnn/model';
import { loadModel } from '@hbnn/wasm';
import { loadThreads } from '@hbnn/wasm/threads';
import { expect, it } from 'vitest';

const model = randomModel(1, { layer: 'conv:4x6x1,k3x3,o3,s1,p1' });

it('kernels refuse what is no images in bytes, as the interpreter does', async () => {
  const loaded = await loadModel(model);
  const threaded = await loadThreads(model, { threads: 2 });
  const rgba = Uint8Array.from({ length: 96 }, (_, i) => (i % 4 === 3 ? 255 : i));
  const misfits: readonly [unknown, RegExp][] = [
    [new Float32Array(24).fill(0.5), /4×6×1 = 24 pixel values each.*got Float32Array\(24\)/],
    [new Array(24).fill(1), /a plain array of 24/],
    [undefined, /got undefined/],
    [new Uint8ClampedArray(24), /pixelsFromRgba/],
    [rgba, /as in RGBA/],
    [new Uint8Array(25), /got 25 values/],
  ];
  for (const [value, message] of misfits) {
    const pixels = value as Uint8Array;
    expect(() => loaded.run(pixels)).toThrow(message);
    expect(() => loaded.run(pixels)).toThrow(HbnnError);
    expect(() => loaded.profile(pixels)).toThrow(message);
    await expect(threaded.run(pixels)).rejects.toThrow(message);
  }
  loaded.dispose();
  await threaded.dispose();
});

it('a model of another kind is refused by name', async () => {
  await expect(loadModel(new Float32Array(9) as never)).rejects.toThrow(/decodeModel\(bytes\)/);
  await expect(loadThreads([1] as never)).rejects.toThrow(/model: expected .* a plain array of 1/);
  await expect(loadModel(undefined as never)).rejects.toThrow(HbnnError);
});

it('pictures of another size or form are refused with the way out', async () => {
  const loaded = await loadModel(model);
  const threaded = await loadThreads(model, { threads: 2 });
  const image = (data: unknown, width = 6, height = 4) => ({ data, width, height });
  const misfits: readonly [unknown, RegExp][] = [
    [image(new Uint8ClampedArray(96), 4, 6), /picture of 6×4 pixels, .*with 4×6; draw it at/],
    [image(new Uint8ClampedArray(0), 0, 0), /with 0×0; wait until it is loaded/],
    [image(new Uint8ClampedArray(24)), /6×4 RGBA pixels, 96 bytes, got 24 bytes; pass its data/],
    [image(new Uint8ClampedArray(95)), /96 bytes, got 95 bytes/],
    [image(new Float32Array(96)), /got Float32Array\(96\) as its data; read .* in 8 bits/],
    [image(undefined), /got undefined as its data/],
    [{ width: 6, height: 4 }, /got a plain object/],
    [{ width: 6, height: 4, getContext: () => null }, /cannot be drawn here; pass \{ data/],
    [{ width: 5, height: 4, getContext: () => null }, /with 5×4; draw it at/],
  ];
  for (const [value, message] of misfits) {
    const picture = value as Uint8Array;
    expect(() => loaded.run(picture)).toThrow(message);
    expect(() => loaded.run(picture)).toThrow(HbnnError);
    expect(() => loaded.classify(picture)).toThrow(message);
    expect(() => loaded.profile(picture)).toThrow(message);
    await expect(threaded.run(picture)).rejects.toThrow(message);
  }
  const two = await loadModel(randomModel(1, { layer: 'conv:4x6x2,k3x3,o3,s1,p1' }));
  expect(() => two.run(image(new Uint8ClampedArray(96)) as never)).toThrow(/1 or 3 channels/);
  await threaded.dispose();
});
