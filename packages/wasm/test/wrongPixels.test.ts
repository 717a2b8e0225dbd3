import { HbnnError } from '@hbnn/core';
import { randomModel } from '@hbnn/model';
import { loadModel, loadThreads } from '@hbnn/wasm';
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
  await expect(loadModel(new Uint8Array(9) as never)).rejects.toThrow(/decodeModel\(bytes\)/);
  await expect(loadThreads('m.hbnn' as never)).rejects.toThrow(/model: expected .* a string/);
  await expect(loadModel(undefined as never)).rejects.toThrow(HbnnError);
});
