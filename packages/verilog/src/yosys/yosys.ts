import { HbnnError } from '@hbnn/core';

/** What a run of Yosys left: what its commands wrote without naming a file, its files by name, and what it said. */
export interface YosysRun {
  readonly output: string;
  readonly files: Readonly<Record<string, string>>;
  readonly log: string;
}

/**
 * Run a script in Yosys compiled to WebAssembly, on files that it sees in its own folder.
 *
 * @throws HbnnError with Yosys's own message when the script ends in an error
 */
export async function yosys(
  script: string,
  files: Readonly<Record<string, string>>,
  onOutput: (text: string) => void = () => {},
): Promise<YosysRun> {
  const { runYosys, Exit } = await load();
  const decoder = new TextDecoder();
  const output: Uint8Array[] = [];
  let log = '';
  const hear = (bytes: Uint8Array | null): void => {
    if (bytes === null) return;
    const text = decoder.decode(bytes, { stream: true });
    log += text;
    onOutput(text);
  };
  // Large results come by stdout: a file of its own Yosys writes by copying all of it at every step.
  const keep = (bytes: Uint8Array | null): void => {
    if (bytes !== null) output.push(bytes);
  };
  try {
    const tree = await runYosys(
      ['-q', '-s', 'script.ys'],
      { ...files, 'script.ys': script },
      { stdout: keep, stderr: hear, decodeASCII: true },
    );
    return { output: Buffer.concat(output).toString('utf8'), files: texts(tree ?? {}), log };
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    throw yosysError(log);
  }
}

/** The error that a log of Yosys ends in. */
export function yosysError(log: string, where = 'yosys'): HbnnError {
  const message = /ERROR: (.*)/.exec(log)?.[1] ?? log.trim().split('\n').at(-1);
  return new HbnnError(`${where}: ${message}`);
}

const load = () => import('@yowasp/yosys');

function texts(tree: Readonly<Record<string, unknown>>): Record<string, string> {
  const decoder = new TextDecoder();
  return Object.fromEntries(
    Object.entries(tree).flatMap(([name, content]): [string, string][] => {
      if (typeof content === 'string') return [[name, content]];
      return content instanceof Uint8Array ? [[name, decoder.decode(content)]] : [];
    }),
  );
}

/** Commands that read Verilog files. */
export const readCommand = (names: readonly string[]): string =>
  `read_verilog ${names
    .filter((name) => !name.endsWith('.hex'))
    .map((name) => JSON.stringify(name))
    .join(' ')}`;

/** A bit of a netlist of Yosys: a net's number, or a constant. */
export type YosysBit = number | '0' | '1' | 'x' | 'z';

export interface YosysCell {
  readonly type: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly port_directions?: Readonly<Record<string, 'input' | 'output'>>;
  readonly connections: Readonly<Record<string, readonly YosysBit[]>>;
}

export interface YosysModule {
  readonly attributes?: Readonly<Record<string, string>>;
  readonly ports: Readonly<
    Record<string, { readonly direction: string; readonly bits: readonly YosysBit[] }>
  >;
  readonly cells: Readonly<Record<string, YosysCell>>;
  readonly netnames: Readonly<Record<string, { readonly bits: readonly YosysBit[] }>>;
}

/** What write_json writes. */
export interface YosysNetlist {
  /** Yosys and its version. */
  readonly creator?: string;
  readonly modules: Readonly<Record<string, YosysModule>>;
}
