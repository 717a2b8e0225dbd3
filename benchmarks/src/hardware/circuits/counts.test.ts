import { HbnnError } from '@hbnn/core';
import { YosysTimeout } from '@hbnn/verilog';
import { expect, it } from 'vitest';
import { foundWithin, limitedYosys } from './counts.ts';

it('ends each run of Yosys at the limit, and says in the row that it did', async () => {
  const yosys = limitedYosys('npm', 0.001);
  const script = 'log x\n';
  try {
    const found = foundWithin(yosys, async () => {
      await yosys.run({ name: 'circuit', script, files: {} });
      throw new HbnnError('expected a run past its limit');
    });
    expect(await found).toEqual({ overSeconds: 0.001 });
    await expect(yosys.run({ name: 'circuit', script, files: {} })).rejects.toThrow(YosysTimeout);
  } finally {
    await yosys.close();
  }
});

it('passes other errors on, and refuses a Yosys that is not there', async () => {
  const yosys = {
    version: 'none',
    maxSeconds: 1,
    run: async () => expect.unreachable(),
    close: async () => {},
  };
  const fail = foundWithin(yosys, () => Promise.reject(new HbnnError('unequal')));
  await expect(fail).rejects.toThrow('unequal');
  expect(() => limitedYosys('/no/such/yosys', 1)).toThrow(/--yosys: expected Yosys at/);
});
