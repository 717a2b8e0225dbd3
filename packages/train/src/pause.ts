/** How long work may keep the event loop from timers, signals and messages, in milliseconds. */
const maxHoldMs = 100;

/** Let the event loop turn once; a page has no setImmediate. */
const turn = (): Promise<void> =>
  new Promise((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve);
    else setTimeout(resolve);
  });

/** A function that lets timers, signals and messages be heard, when they have had to wait for long. */
export function pauser(): () => Promise<void> {
  let held = performance.now();
  return async () => {
    if (performance.now() - held <= maxHoldMs) return;
    await turn();
    held = performance.now();
  };
}
