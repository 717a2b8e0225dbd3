import { Presets, SingleBar } from 'cli-progress';

/** A bar on a terminal, a line now and then elsewhere; always on stderr. */
export interface ProgressMeter {
  update(done: number, total: number, text: string): void;
  stop(): void;
}

const lineEveryMs = 5000;

export function progressMeter(what: string): ProgressMeter {
  if (process.stderr.isTTY) {
    const bar = new SingleBar(
      { format: `${what} {bar} {percentage}% {text}`, stream: process.stderr, hideCursor: true },
      Presets.shades_classic,
    );
    let started = false;
    return {
      update(done, total, text) {
        if (!started) bar.start(total, done, { text });
        started = true;
        bar.setTotal(total);
        bar.update(done, { text });
      },
      stop: () => bar.stop(),
    };
  }
  let last = 0;
  return {
    update(done, total, text) {
      if (Date.now() - last < lineEveryMs && done < total) return;
      last = Date.now();
      process.stderr.write(`${what} ${done}/${total} ${text}\n`);
    },
    stop() {},
  };
}

/** Seconds as people say them. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '…';
  const s = Math.max(0, Math.round(seconds));
  const [h, m] = [Math.floor(s / 3600), Math.floor((s % 3600) / 60)];
  return h > 0 ? `${h} h ${m} min` : m > 0 ? `${m} min ${s % 60} s` : `${s} s`;
}
