import { HbnnError } from '@hbnn/core';
import { buildHardware } from './buildHardware.ts';
import type { HardwareChoice } from './hardwareChoice.ts';

self.addEventListener(
  'message',
  ({ data }: MessageEvent<{ id: number; choice: HardwareChoice }>) => {
    const { id, choice } = data;
    try {
      self.postMessage({ id, built: buildHardware(choice) });
    } catch (error) {
      const problem = error instanceof HbnnError ? error.message : String(error);
      self.postMessage({ id, problem });
    }
  },
);
