import { Presets, SingleBar } from 'cli-progress';

/** A bar on a terminal, a line now and then elsewhere; always on stderr. */
export interface ProgressMeter {
  /**
   * @param text what is shown beside the bar; of several parts the last are left out where the line is too short
   * @param share of the whole that is done, 0 … 1, where what is under way counts too
   */
  update(done: number, total: number, text: string | readonly string[], share?: number): void;
  stop(): void;
}

const lineEveryMs = 5000;

const [minBar, maxBar] = [8, 24];

/**
 * One line of progress, shorter than a terminal is wide.
 *
 * @param share done, 0 … 1
 * @param parts what is shown beside the bar, the most important first
 * @param columns of the terminal
 */
export function progressLine(
  what: string,
  share: number,
  parts: readonly string[],
  columns: number,
): string {
  // A character in the last column would let some terminals begin a new line.
  const width = Math.max(1, columns - 1);
  const done = Math.min(1, Math.max(0, share));
  const percent = `${Math.floor(100 * done)}%`.padStart(4);
  const fixed = `${what} `.length + percent.length;
  for (let n = parts.length; n >= 1; n--) {
    const text = parts.slice(0, n).join(', ');
    const room = width - fixed - `  ${text}`.length;
    if (room < minBar + 1 && n > 1) continue;
    const cells = room < minBar + 1 ? 0 : Math.min(maxBar, room - 1);
    return `${what} ${bar(done, cells)}${percent}  ${text}`.slice(0, width);
  }
  return `${what}${percent}`.slice(0, width);
}

function bar(share: number, cells: number): string {
  if (cells === 0) return '';
  const { barCompleteChar: full, barIncompleteChar: empty } = Presets.shades_classic;
  const filled = Math.round(share * cells);
  return `${full.repeat(filled)}${empty.repeat(cells - filled)} `;
}

/**
 * Show progress.
 *
 * @param what begins each line
 * @param o `quiet` shows nothing
 */
export function progressMeter(
  what: string,
  { quiet = false }: { readonly quiet?: boolean } = {},
): ProgressMeter {
  if (quiet) return { update() {}, stop() {} };
  return process.stderr.isTTY ? barMeter(what) : lineMeter(what);
}

const partsOf = (text: string | readonly string[]): readonly string[] =>
  typeof text === 'string' ? [text] : text;

/** The cursor stays visible and the terminal's line wrap as it is: a process may end at any moment. */
function barMeter(what: string): ProgressMeter {
  const meter = new SingleBar({
    format: (_, { maxWidth }, { parts, share }) => progressLine(what, share, parts, maxWidth ?? 80),
    stream: process.stderr,
    hideCursor: false,
    linewrap: true,
    gracefulExit: false,
  });
  let started = false;
  const stop = (): void => {
    process.off('exit', stop);
    meter.stop();
  };
  return {
    update(done, total, text, share = total > 0 ? done / total : 1) {
      const parts = partsOf(text);
      if (!started) {
        meter.start(total, done, { parts, share });
        // What comes after an early end begins on a line of its own.
        process.on('exit', stop);
      }
      started = true;
      meter.setTotal(total);
      meter.update(done, { parts, share });
    },
    stop,
  };
}

function lineMeter(what: string): ProgressMeter {
  let last = 0;
  return {
    update(done, total, text) {
      if (Date.now() - last < lineEveryMs && done < total) return;
      last = Date.now();
      process.stderr.write(`${what} ${done}/${total} ${partsOf(text).join(', ')}\n`);
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
