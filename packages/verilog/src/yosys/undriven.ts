import { isVendorCell } from './cells.ts';
import type { YosysBit, YosysCell, YosysModule, YosysNetlist } from './yosys.ts';

/** A net that an output depends on and that nothing drives. */
export interface Undriven {
  /** The modules from the top's instance on down to the net's own; empty in the top module. */
  readonly path: readonly string[];
  readonly net: string;
}

/**
 * Find a net that nothing drives and that reaches an output. Gates are computed with 0 in its place, which may happen to
 * be right; other simulators see x there, and synthesis takes what it likes.
 *
 * @param netlist gates, registers, memories, cells of Xilinx, and modules of these
 */
export function undrivenNet({ modules }: YosysNetlist, top: string): Undriven | undefined {
  const seen = new Set([top]);
  const queue: { readonly name: string; readonly path: readonly string[] }[] = [
    { name: top, path: [] },
  ];
  for (const { name, path } of queue) {
    const { net, instances } = behindOutputs(modules[name], modules);
    if (net !== undefined) return { path, net };
    for (const type of instances) {
      if (seen.has(type)) continue;
      seen.add(type);
      queue.push({ name: type, path: [...path, type] });
    }
  }
  return undefined;
}

interface Driver {
  readonly cell: YosysCell;
  readonly port: string;
  readonly at: number;
}

/** Walk from a module's outputs back to its inputs: the first net without a driver, and the modules met. */
function behindOutputs(
  module: YosysModule,
  modules: YosysNetlist['modules'],
): { readonly net?: string; readonly instances: ReadonlySet<string> } {
  const drivers = new Map<YosysBit, Driver>();
  for (const cell of Object.values(module.cells))
    for (const [port, bits] of Object.entries(cell.connections))
      if (isOutput(cell, port, modules))
        bits.forEach((bit, at) => {
          drivers.set(bit, { cell, port, at });
        });
  const ports = Object.values(module.ports);
  const given = new Set<YosysBit>(
    ports.filter(({ direction }) => direction === 'input').flatMap(({ bits }) => bits),
  );
  const instances = new Set<string>();
  const seen = new Set<YosysBit>();
  const waiting = ports.filter(({ direction }) => direction !== 'input').flatMap((p) => p.bits);
  for (let bit = waiting.pop(); bit !== undefined; bit = waiting.pop()) {
    if (typeof bit === 'string' || given.has(bit) || seen.has(bit)) continue;
    seen.add(bit);
    const driver = drivers.get(bit);
    if (driver === undefined) return { net: nameOf(module, bit), instances };
    const { type } = driver.cell;
    if (modules[type] !== undefined && !isVendorCell(type)) instances.add(type);
    waiting.push(...readsOf(driver, modules));
  }
  return { instances };
}

const gateOutput = /^(Y|Q|RD_DATA|O|O5|O6|CO)$/;

function isOutput({ type }: YosysCell, port: string, modules: YosysNetlist['modules']): boolean {
  const direction = modules[type]?.ports[port]?.direction;
  return direction === undefined ? gateOutput.test(port) : direction === 'output';
}

/** The bits that a cell's output depends on: of the cells of Xilinx, which are made use of in part, only those. */
function readsOf(
  { cell, port, at }: Driver,
  modules: YosysNetlist['modules'],
): readonly YosysBit[] {
  const { type, connections } = cell;
  const bits = (name: string): readonly YosysBit[] => connections[name] ?? [];
  if (type === 'LUT6_2') {
    const inputs = ['I0', 'I1', 'I2', 'I3', 'I4'].flatMap(bits);
    return port === 'O5' ? inputs : [...inputs, ...bits('I5')];
  }
  if (type === 'CARRY4') {
    // O of a place takes the carry of the places below it.
    const carried = port === 'CO' ? at + 1 : at;
    const below = [...bits('S').slice(0, at + 1), ...bits('DI').slice(0, carried)];
    return [...bits('CI'), ...bits('CYINIT'), ...below];
  }
  return Object.entries(connections).flatMap(([name, read]) =>
    isOutput(cell, name, modules) ? [] : read,
  );
}

function nameOf({ netnames }: YosysModule, bit: YosysBit): string {
  let found: string | undefined;
  for (const [name, { bits }] of Object.entries(netnames)) {
    const at = bits.indexOf(bit);
    if (at < 0) continue;
    const own = bits.length === 1 ? name : `${name}[${at}]`;
    // What people wrote says more than what Yosys calls it.
    if (!name.includes('$')) return own;
    found ??= own;
  }
  return found ?? `net ${bit}`;
}
