import { HbnnError } from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import { checkModel } from './checkModel.ts';
import { decodeModel, encodeModel } from './file/modelFile.ts';
import type { IntegerModel } from './integerModel.ts';
import { randomModel } from './randomModel.ts';

describe('checkModel', () => {
  it('checks once: a checked model comes back as it is', () => {
    const model = randomModel(4);
    expect(checkModel(model)).toBe(model);
    expect(checkModel(decodeModel(encodeModel(model))).checkedLayers).toEqual(model.checkedLayers);
  });

  it('checks a copy again, and keeps what was copied out of the checked layers', () => {
    const model = randomModel(4, { layer: 'dense:8x4' });
    const copy: IntegerModel = { ...model };
    expect('checkedLayers' in copy).toBe(false);
    expect(checkModel(copy)).not.toBe(model);
    expect(checkModel(copy)).toEqual(model);
    const short = { ...model, classes: model.classes.slice(1) };
    expect(() => checkModel(short)).toThrow(HbnnError);
    expect(() => checkModel(short)).toThrow('expected 4 class names, got 3');
  });

  it('refuses a layer of an unknown kind by name', () => {
    const model = randomModel(4, { layer: 'dense:8x4' });
    const layers = model.layers.map((layer, i) => (i === 0 ? { ...layer, kind: 'gelu' } : layer));
    const changed = { ...model, layers } as unknown as IntegerModel;
    expect(() => checkModel(changed)).toThrow(HbnnError);
    expect(() => checkModel(changed)).toThrow(/: expected one of the kinds conv, .*, got 'gelu'; /);
  });

  it('gives the shapes and bounds of each layer', () => {
    const model = randomModel(4, { layer: 'dense:8x4' });
    const last = model.checkedLayers[model.checkedLayers.length - 1];
    expect(last.output).toEqual([1, 1, 4]);
    expect(last.layer).toBe(model.layers[model.layers.length - 1]);
    expect(last.outputBound).toBeGreaterThan(0);
  });
});
