import { setImmediate } from 'node:timers/promises';

/** How long work may keep the event loop from timers, signals and messages, in milliseconds. */
const maxHoldMs = 100;

/** A function that lets timers, signals and messages be heard, when they have had to wait for long. */
export function pauser(): () => Promise<void> {
  let held = performance.now();
  return async () => {
    if (performance.now() - held <= maxHoldMs) return;
    await setImmediate();
    held = performance.now();
  };
}
