import { fileURLToPath } from 'node:url';
import { importNetwork } from '@hbnn/import';
import { useBackend } from '@hbnn/train';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectOutputs } from './goldenOutputs.ts';

const folder = fileURLToPath(new URL('golden/keras/', import.meta.url));

beforeAll(() => useBackend({ prefer: 'wasm' }));

describe.each(['keras', 'h5'])('Keras networks in .%s', (ending) => {
  it.each(['vgg', 'resnet', 'mobilenet', 'groups', 'nested', 'adapted', 'activated'])(
    '%s give the outputs of Keras',
    async (name) => {
      const { model, origin, groupedLayers } = await importNetwork(`${folder}${name}.${ending}`);
      expectOutputs(model, `${folder}${name}.json`, true);
      expect(origin).toMatchObject({ format: ending, producer: 'Keras 3.15.1' });
      expect(groupedLayers).toHaveLength(name === 'groups' ? 3 : 0);
    },
  );
});
