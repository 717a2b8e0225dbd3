import type { Design } from '@hbnn/circuit';
import type { YosysBit, YosysCell } from '../yosys/yosys.ts';
import type { FlatModule } from './netlist.ts';
import { commonStage, type KnownStages, staged, withoutRegisters } from './stages.ts';

/** How the top module was shown to connect the layers. */
export interface WiresProof {
  readonly proved: boolean;
  /** Bits of the ports of the layers and of the top module that were followed. */
  readonly bits: number;
  /** Clock edges from an image to its scores and the number of the largest, counted. */
  readonly latencyCycles?: number;
  readonly reason?: string;
}

/** A module and what should go into it. */
interface Link {
  readonly module: string;
  readonly from: readonly YosysBit[];
}

/**
 * Show that the top module's pixels are the first layer's input, each layer's input bit by bit the outputs of those that
 * it reads, the last one's output the input of the scores, and those the ports; and that all of it has the latency that
 * is claimed, on every branch.
 *
 * @param top the top module, flat, with instances of layers, scores and largest in it
 * @param known the registers between those instances' ports
 */
export function proveWires(
  top: FlatModule,
  design: Design,
  known: KnownStages,
  claimedCycles: number,
): WiresProof {
  const refused = (reason: string): WiresProof => ({ proved: false, bits: 0, reason });
  const stages = staged(top, known);
  if ('reason' in stages) return refused(stages.reason);
  const latency = commonStage(stages, Object.values(top.outputs).flat());
  if ('reason' in latency) return refused(latency.reason);
  if (latency.stages !== undefined && latency.stages !== claimedCycles)
    return refused(`its latency is ${latency.stages} cycles, not ${claimedCycles} as is claimed`);
  const follower = new Follower(withoutRegisters(top));
  const { layers, scores, largest } = design;
  const pixels: readonly YosysBit[] = top.inputs.pixels ?? [];
  const outputs: (readonly YosysBit[])[] = [];
  let bits = 0;
  for (const { module, sources } of layers) {
    const from = joined(
      sources.map(({ layer }) => layer),
      layers,
      outputs,
      pixels,
    );
    const step = follower.through({ module, from });
    if (typeof step === 'string') return refused(step);
    bits += from.length;
    outputs.push(step.to);
  }
  let from = outputs[outputs.length - 1];
  for (const [module, port] of [
    [scores.name, 'scores'],
    [largest.name, 'largest'],
  ] as const) {
    const step = follower.through({ module, from });
    if (typeof step === 'string') return refused(step);
    bits += from.length;
    from = step.to;
    const wrong = follower.differs(top.outputs[port] ?? [], from, `port ${port}`, module);
    if (wrong) return refused(wrong);
    bits += from.length;
  }
  return { proved: true, bits, latencyCycles: latency.stages ?? claimedCycles };
}

/** The bits that a layer reads: those of one layer or, one after the other, of the layers that meet at it. */
function joined(
  sources: readonly number[],
  layers: Design['layers'],
  outputs: readonly (readonly YosysBit[])[],
  pixels: readonly YosysBit[],
): readonly YosysBit[] {
  if (sources.length === 1) return outputs[sources[0]] ?? pixels;
  const bits = sources.flatMap((source) => {
    const { offsets } = layers[source].output;
    // A bus of no bits has a wire all the same, which stands for nothing.
    return outputs[source].slice(0, offsets[offsets.length - 1]);
  });
  return bits.length > 0 ? bits : ['0'];
}

/** Follows wires of a module back to what drives them. */
class Follower {
  private readonly module: FlatModule;
  private readonly buffers = new Map<YosysBit, YosysBit>();

  constructor(module: FlatModule) {
    this.module = module;
    for (const { type, connections } of module.cells)
      if (type === '$_BUF_') this.buffers.set(connections.Y[0], connections.A[0]);
  }

  /** The output of a module's only instance, where its input is what it should be; why not. */
  through({ module, from }: Link): { readonly to: readonly YosysBit[] } | string {
    const found = this.module.cells.filter(({ type }) => type === module);
    if (found.length !== 1) return `${module} has ${found.length} instances, not one`;
    const [{ connections }] = found as [YosysCell];
    const wrong = this.differs(
      connections.x ?? [],
      from,
      `port x of ${module}`,
      'what comes before',
    );
    if (wrong !== undefined) return wrong;
    const port = Object.keys(connections).find((name) => name !== 'x' && name !== 'clk');
    return { to: port === undefined ? [] : connections[port] };
  }

  differs(
    got: readonly YosysBit[],
    wanted: readonly YosysBit[],
    where: string,
    source: string,
  ): string | undefined {
    if (got.length !== wanted.length)
      return `${where} has ${got.length} bits, ${source} ${wanted.length}`;
    const at = got.findIndex((bit, i) => this.root(bit) !== this.root(wanted[i]));
    return at < 0 ? undefined : `bit ${at} of ${where} is not that bit of ${source}`;
  }

  private root(bit: YosysBit): YosysBit {
    let at = bit;
    for (let next = this.buffers.get(at); next !== undefined; next = this.buffers.get(at))
      at = next;
    return at;
  }
}
