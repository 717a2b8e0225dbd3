import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { checkOptions, checkWhole, HbnnError } from '@hbnn/core';
import {
  harnessName,
  type Ice40Cells,
  ice40Cells,
  ice40Device,
  ice40Netlist,
  tooLarge,
} from './ice40.ts';

/** An optional tool: 220 MB of it are chip databases. */
const nextpnrName = '@yowasp/nextpnr-ice40';

/** A nextpnr that was found. */
export interface Nextpnr {
  readonly url: string;
  readonly version: string;
}

/** Find nextpnr beside this package or where the user works; undefined where it is not installed. */
export function findNextpnr(folder: string = process.cwd()): Nextpnr | undefined {
  for (const from of [import.meta.url, join(folder, 'here')]) {
    try {
      const url = pathToFileURL(createRequire(from).resolve(nextpnrName)).href;
      return { url, version: versionOf(url) };
    } catch {}
  }
  return undefined;
}

/** The version of nextpnr's package, in whose folder a file lies, however deep. */
function versionOf(url: string): string {
  const end = url.lastIndexOf(`/${nextpnrName}/`) + nextpnrName.length + 2;
  const about = readFileSync(new URL('package.json', url.slice(0, end)), 'utf8');
  return (JSON.parse(about) as { version: string }).version;
}

/** Find nextpnr. @throws HbnnError with the command that installs it */
export function needNextpnr(folder?: string): Nextpnr {
  const found = findNextpnr(folder);
  if (found !== undefined) return found;
  throw new HbnnError(
    `--place: expected the optional package ${nextpnrName}, which is not installed; 'npm install ${nextpnrName}' or 'pnpm add ${nextpnrName}' in the folder you work in has it (223 MB)`,
  );
}

/** The largest seed of a placement: nextpnr holds it in 32 bits with a sign. */
export const maxPlacementSeed = 2 ** 31 - 1;

export interface PlaceOptions {
  /** Default hx8k. */
  readonly device?: string;
  /** Default the device's with the most pins. */
  readonly package?: string;
  /** The clock that placement works towards; default 100. */
  readonly freqMhz?: number;
  /** The seed of placement; default 1. */
  readonly seed?: number;
  /** Called when a step begins. */
  onStep?(step: PlaceStep): void;
}

/** In order. */
export const placeSteps = ['reading', 'mapping', 'packing', 'placing', 'routing'] as const;
export type PlaceStep = (typeof placeSteps)[number];

interface Use {
  readonly resource: string;
  readonly used: number;
  readonly available: number;
}

/** A design placed and routed between the registers of its harness. */
export interface Placement extends Ice40Cells {
  readonly device: string;
  readonly package: string;
  readonly seed: number;
  readonly targetMhz: number;
  /** Cells of the device in use, the harness's included. */
  readonly utilisation: readonly Use[];
  /** Logic cells without the harness's. */
  readonly designCells: number;
  readonly fmaxMhz: number;
  /** The longest way between registers: through cells, their set-up included, and along wires. */
  readonly criticalPathNs: number;
  readonly logicNs: number;
  readonly routingNs: number;
  /** Bits that the harness feeds, and takes: see `harnessOf`. */
  readonly harnessInputs: number;
  readonly harnessOutputs: number;
  readonly yosys: string;
  readonly nextpnr: string;
}

/**
 * Place and route Verilog of plain gates on a Lattice iCE40, as one flat design between registers.
 *
 * @param files the Verilog of a design
 * @param top its top module, or another of its modules
 * @throws HbnnError for an unknown device or package, text that cannot be read, and a design too large for the device,
 * with the figures
 */
export async function place(
  files: Readonly<Record<string, string>>,
  top: string,
  nextpnr: Nextpnr,
  o: PlaceOptions = {},
): Promise<Placement> {
  checkOptions('place', o, ['device', 'package', 'freqMhz', 'seed', 'onStep']);
  checkWhole('place', 'seed', o.seed, 0);
  if (o.seed !== undefined && o.seed > maxPlacementSeed)
    throw new HbnnError(
      `place: expected at most ${maxPlacementSeed} as seed, which nextpnr holds in 32 bits, got ${o.seed}; give a smaller one`,
    );
  const { device = 'hx8k', freqMhz = 100, seed = 1 } = o;
  if (!(freqMhz > 0 && Number.isFinite(freqMhz)))
    throw new HbnnError(
      `place: expected megahertz above 0 as freqMhz, got ${freqMhz}; give the clock`,
    );
  const { logicCells: capacity, package: usual } = ice40Device(device);
  const { package: pack = usual } = o;
  const where = `${top} on ${device}-${pack}`;
  const { netlist, harness, yosys } = await ice40Netlist(files, top, device, o.onStep);
  const cells = ice40Cells(netlist.modules[harnessName]);
  if (cells.logicCells > capacity)
    throw tooLarge(where, `${cells.logicCells} logic cells`, capacity);
  const args = [`--${device}`, '--package', pack, '--seed', `${seed}`, '--freq', `${freqMhz}`];
  o.onStep?.('packing');
  const report = await placed(nextpnr, args, JSON.stringify(netlist), where, o);
  const utilisation = usesOf(report);
  const used = utilisation.find(({ resource }) => resource === 'ICESTORM_LC')?.used ?? 0;
  const { logicCells: _, harnessCells, ...counts } = cells;
  return {
    device,
    package: pack,
    seed,
    targetMhz: freqMhz,
    utilisation,
    ...counts,
    logicCells: used,
    harnessCells,
    designCells: used - harnessCells,
    ...timingOf(report, where),
    harnessInputs: harness.inputs,
    harnessOutputs: harness.outputs,
    yosys,
    nextpnr: `${nextpnrName} ${nextpnr.version}`,
  };
}

interface Report {
  readonly critical_paths: readonly {
    readonly from: string;
    readonly to: string;
    readonly path: readonly { readonly delay: number; readonly type: string }[];
  }[];
  readonly fmax: Readonly<Record<string, { readonly achieved: number }>>;
  readonly utilization: Readonly<
    Record<string, { readonly used: number; readonly available: number }>
  >;
}

interface Message {
  readonly said?: string;
  readonly report?: string;
  /** Why, where nextpnr has not said it. */
  readonly refused?: string;
}

const stepStarts: readonly (readonly [PlaceStep, RegExp])[] = [
  ['placing', /^Info: Creating initial/m],
  ['routing', /^Info: Routing\.\./m],
];

function placed(
  { url }: Nextpnr,
  args: readonly string[],
  netlist: string,
  where: string,
  o: PlaceOptions,
): Promise<Report> {
  // Paths slower than asked for are a result, not a failure.
  const workerData = { url, args: [...args, '--timing-allow-fail'], netlist };
  // Named first: bundlers for pages take `new Worker(new URL(…))` for a worker of a page.
  const script = new URL('../../worker/nextpnr.mjs', import.meta.url);
  const worker = new Worker(script, {
    workerData,
    execArgv: [],
  });
  let log = '';
  let steps = [...stepStarts];
  return new Promise<Report>((resolve, reject) => {
    worker.on('message', ({ said, report, refused }: Message) => {
      if (said !== undefined) log += said;
      for (const [step] of steps.filter(([, start]) => start.test(log))) o.onStep?.(step);
      steps = steps.filter(([, start]) => !start.test(log));
      if (report !== undefined) resolve(JSON.parse(report) as Report);
      if (refused !== undefined) reject(refusal(log, refused, where));
    });
    const died = (why: string): void =>
      reject(new HbnnError(`${where}: expected nextpnr to finish, got a thread that ${why}`));
    worker.on('error', ({ message }) => died(`failed: ${message}; install it anew`));
    worker.on('exit', (code) => died(`ended with code ${code}; try it once more`));
  }).finally(() => worker.terminate());
}

/** nextpnr's own words, or the figures where something is used up. */
function refusal(log: string, otherwise: string, where: string): HbnnError {
  for (const [, resource, used, available] of log.matchAll(/(\w+):\s+(\d+)\/\s*(\d+)\s+\d+%/g))
    if (Number(used) > Number(available))
      return tooLarge(where, `${used} ${resource}`, Number(available));
  const message = /^ERROR: (.*?)\.?$/m.exec(log)?.[1] ?? otherwise;
  const wayOut = message.includes('package') ? '; leave --package out for the usual one' : '';
  return new HbnnError(`${where}: nextpnr: ${message}${wayOut}`);
}

const usesOf = ({ utilization }: Report): Use[] =>
  Object.entries(utilization)
    .filter(([, { available }]) => available > 0)
    .map(([resource, { used, available }]) => ({ resource, used, available }));

/** The clock, and what its longest way is made of. */
function timingOf(
  { fmax, critical_paths }: Report,
  where: string,
): Pick<Placement, 'fmaxMhz' | 'criticalPathNs' | 'logicNs' | 'routingNs'> {
  const [clock, ...more] = Object.entries(fmax);
  if (clock === undefined || more.length > 0)
    throw new HbnnError(`${where}: expected one clock in nextpnr's report, got ${1 + more.length}`);
  const [name, { achieved }] = clock;
  const longest = critical_paths.find(({ from, to }) =>
    [from, to].every((end) => end.includes(name)),
  );
  const sum = (routing: boolean): number =>
    (longest?.path ?? [])
      .filter(({ type }) => (type === 'routing') === routing)
      .reduce((ns, { delay }) => ns + delay, 0);
  const [logicNs, routingNs] = [sum(false), sum(true)];
  return { fmaxMhz: achieved, criticalPathNs: logicNs + routingNs, logicNs, routingNs };
}
