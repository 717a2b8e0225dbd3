import { HbnnError } from '@hbnn/core';
import { exportC, exportNpz, exportOnnx, exportQonnx, exportSafetensors } from '@hbnn/export';
import { type CheckedModel, randomModel } from '@hbnn/model';
import { expect, it } from 'vitest';

it.each([undefined, null, {}, new Uint8Array(4)])('refuses %j in place of a model', (value) => {
  const model = value as unknown as CheckedModel;
  for (const write of [exportC, exportNpz, exportOnnx, exportQonnx, exportSafetensors]) {
    expect(() => write(model)).toThrow(HbnnError);
    expect(() => write(model)).toThrow('model: expected an integer model, got ');
  }
});

it('checks a copy of a model, and writes it as the model itself', () => {
  const model = randomModel(4);
  const { name, input, layers, scoreOffsets, scoreFactor, classes } = model;
  const copy = { name, input, layers, scoreOffsets, scoreFactor, classes } as CheckedModel;
  for (const write of [exportC, exportNpz, exportOnnx, exportQonnx, exportSafetensors])
    expect(write(copy)).toEqual(write(model));
  const unsound = { ...copy, layers: [] } as unknown as CheckedModel;
  for (const write of [exportC, exportNpz, exportOnnx, exportQonnx, exportSafetensors])
    expect(() => write(unsound)).toThrow(HbnnError);
});
