import { HbnnError } from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import { decodeModel, encodeModel, readModel } from './file/modelFile.ts';
import { interpreter } from './interpreter.ts';
import { pixelsFromRgba } from './pixels.ts';
import { randomModel } from './randomModel.ts';

const model = randomModel(1, { layer: 'conv:4x6x1,k3x3,o3,s1,p1' });
const { run } = interpreter(model);
const size = 24;

/** Values that are no bytes of images, each with what the error must say of it and of the way out. */
const misfits: readonly [string, unknown, RegExp][] = [
  ['floats from 0 to 1', new Float32Array(size).fill(0.5), /Float32Array\(24\); .*255 \* v/],
  ['doubles', new Float64Array(size), /Float64Array\(24\)/],
  ['a plain array', [1, 2, 3], /a plain array of 3; .*Uint8Array\.from/],
  ['int32', new Int32Array(size), /Int32Array\(24\); .*Uint8Array\.from/],
  ['int8', new Int8Array(size), /Int8Array\(24\)/],
  ['an ArrayBuffer', new ArrayBuffer(size), /new Uint8Array\(buffer\)/],
  ['a DataView', new DataView(new ArrayBuffer(size)), /a value of type DataView/],
  ['nothing', undefined, /got undefined; pass the images/],
  ['null', null, /got null/],
  ['text', 'image.png', /got a string/],
  ['a number', 3, /got the number 3/],
  ['a promise', Promise.resolve(new Uint8Array(size)), /await it first/],
  ['an ImageData', { data: new Uint8ClampedArray(4), width: 1, height: 1 }, /pixelsFromRgba/],
  ["an ImageData's bytes", new Uint8ClampedArray(size), /pixelsFromRgba/],
  ['part of an image', new Uint8Array(size + 1), /4×6×1 = 24 pixel values each, got 25/],
];

it.each(misfits)('an interpreter refuses %s', (_, value, message) => {
  expect(() => run(value as Uint8Array)).toThrow(HbnnError);
  expect(() => run(value as Uint8Array)).toThrow(message);
  expect(() => run(value as Uint8Array)).toThrow(/^run: expected [^\n]*$/);
});

describe('RGBA bytes', () => {
  const rgba = Uint8Array.from({ length: 4 * size }, (_, i) => (i % 4 === 3 ? 255 : 7 * i));

  it('are told from four images, patterns in black and white are not', () => {
    expect(() => run(rgba)).toThrow(/every fourth is 255, as in RGBA/);
    expect(() => run(Buffer.from(rgba))).toThrow(/RGBA/);
    const stripes = Uint8Array.from(rgba, (_, i) => (i % 2 === 0 ? 0 : 255));
    expect(run(stripes).length).toBe(4 * 3 * size);
    expect(run(new Uint8Array(4 * size).fill(255)).length).toBe(4 * 3 * size);
    expect(run(new Uint8Array(0)).length).toBe(0);
  });

  it('become the pixels of a model', () => {
    const image = { data: rgba, width: 6, height: 4 };
    const grey = pixelsFromRgba(image, [4, 6, 1]);
    expect(run(grey).length).toBe(3 * size);
    // 0.299 · 28 + 0.587 · 35 + 0.114 · 42 = 33.705
    expect(grey[1]).toBe(34);
    expect([...pixelsFromRgba(image, [4, 6, 3]).subarray(3, 6)]).toEqual([28, 35, 42]);
    const clamped = { ...image, data: Uint8ClampedArray.from(rgba) };
    expect(pixelsFromRgba(clamped, [4, 6, 1])).toEqual(grey);
    expect(() => pixelsFromRgba(image, [6, 4, 1])).toThrow(/4×6 RGBA pixels, got 6×4/);
    expect(() => pixelsFromRgba(image, [4, 6, 2])).toThrow(/1 or 3 channels, got 2/);
    expect(() => pixelsFromRgba(undefined as never, [4, 6, 1])).toThrow(/got undefined/);
  });
});

describe('wrong kinds of values', () => {
  const bytes = encodeModel(model);
  it.each<[string, unknown, RegExp]>([
    ['a path', 'fixed.hbnn', /a string; open the file/],
    ['an address', new URL('file:///fixed.hbnn'), /type URL; open the file/],
    ['whole bytes', bytes, /decodeModel\(bytes\)/],
    ['a buffer', bytes.buffer, /new Uint8Array\(buffer\)/],
    ['a response', { body: null }, /response\.body/],
    ['no body', null, /got null/],
    ['nothing', undefined, /got undefined/],
    ['a promise', Promise.resolve(), /await it first/],
    ['pieces of text', ['HBNN'], /pieces of bytes \(Uint8Array\), got a string/],
  ])('%s is no source of a model', async (_, value, message) => {
    await expect(readModel(value as Uint8Array[])).rejects.toThrow(HbnnError);
    await expect(readModel(value as Uint8Array[])).rejects.toThrow(message);
  });

  it.each<[string, unknown, RegExp]>([
    ['bytes', bytes, /decodeModel\(bytes\)/],
    ['a path', 'fixed.hbnn', /got a string; read the file/],
    ['a promise', readModel([bytes]), /await it first/],
    ['a trained model', { name: 'a', input: { mean: [] }, layers: [] }, /lower\(trained\)/],
    ['what lower gives', { model, layers: [] }, /its field model/],
    ['nothing', undefined, /got undefined/],
    ['another object', {}, /a plain object/],
  ])('%s is no model', (_, value, message) => {
    expect(() => interpreter(value as typeof model)).toThrow(HbnnError);
    expect(() => interpreter(value as typeof model)).toThrow(message);
    expect(() => encodeModel(value as typeof model)).toThrow(message);
  });

  it('are no bytes of a model', () => {
    expect(() => decodeModel('fixed.hbnn' as never)).toThrow(/a string; open the file/);
    expect(() => decodeModel(bytes.buffer as never)).toThrow(/new Uint8Array\(buffer\)/);
    expect(() => decodeModel([...bytes] as never)).toThrow(/a plain array/);
    expect(decodeModel(Buffer.from(bytes))).toEqual(model);
  });
});
