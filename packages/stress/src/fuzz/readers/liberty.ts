import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { HbnnError } from '@hbnn/core';
import { type LibertyCell, type LibertyLibrary, readLiberty } from '@hbnn/estimator';
import { holds, type Reader } from '../reader.ts';

const small = fileURLToPath(new URL('../../../../estimator/test/small.lib', import.meta.url));

const isAmount = (value: number | undefined): boolean =>
  value === undefined || Number.isFinite(value);

/** Tables of a cell are read when it is priced first, and what is wrong with them is said then. */
function toggleEnergy(cell: LibertyCell): number | undefined {
  try {
    return cell.toggleEnergyJ(1e-15);
  } catch (error) {
    if (error instanceof HbnnError) return undefined;
    throw error;
  }
}

export const reader = (): Promise<Reader<LibertyLibrary>> =>
  Promise.resolve({
    form: 'text',
    seeds: [readFileSync(small)],
    words: [
      'cell (X) { area : 1; }',
      'pin (A) {',
      'internal_power () {',
      'leakage_power () {',
      'when : "A & !B";',
      'function : "(A ^ B)\'";',
      'values ("1, 2", "3, 4");',
      'index_1 ("1, 2");',
      'include_file (a.lib);',
      '}',
      '/*',
      'leakage_power_unit : "1nW";',
      'voltage_unit',
      'ff (IQ, IQN) {',
      'statetable',
      'bus (D) {',
      'dont_use : true;',
    ],
    read: (bytes) => readLiberty(Buffer.from(bytes).toString('utf8'), 'input.lib'),
    check({ cells, voltageV }) {
      holds(Number.isFinite(voltageV), 'a finite voltage');
      for (const cell of cells) {
        holds(Number.isFinite(cell.areaUm2) && cell.areaUm2 >= 0, 'an area that is not negative');
        holds(isAmount(cell.leakageW), 'a finite leakage');
        holds(isAmount(cell.inputEnergyJ), 'a finite energy of inputs');
        holds(isAmount(toggleEnergy(cell)), 'a finite energy of outputs');
        for (const { capacitanceF } of cell.pins)
          holds(isAmount(capacitanceF), 'a finite capacitance');
      }
    },
  });
