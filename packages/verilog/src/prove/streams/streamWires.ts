import type { FoldedDesign, FoldedLayer } from '@hbnn/circuit';
import type { YosysBit, YosysCell, YosysNetlist } from '../../yosys/yosys.ts';
import { type FlatModule, flatModule } from '../netlist.ts';
import type { WiresProof } from '../wires.ts';

type Bits = readonly YosysBit[];

/** Nets of a stream, from the module that gives its beats. */
interface StreamNets {
  readonly data: Bits;
  readonly valid: Bits;
  /** What its giver takes for ready. */
  readonly ready: Bits;
}

/** Follows modules one behind the other between the two streams of a module that holds them. */
class StreamFollower {
  private readonly module: FlatModule;
  private readonly buffers = new Map<YosysBit, YosysBit>();
  bits = 0;

  constructor(module: FlatModule) {
    this.module = module;
    for (const { type, connections } of module.cells)
      if (type === '$_BUF_') this.buffers.set(connections.Y[0], connections.A[0]);
  }

  /** @returns why the modules are not connected so; undefined where they are */
  chain(
    modules: readonly string[],
    more: ReadonlyMap<string, readonly string[]>,
  ): string | undefined {
    const { inputs, outputs, fault } = this.module;
    if (fault !== undefined) return fault;
    let from: StreamNets = {
      data: inputs.s_axis_tdata ?? [],
      valid: inputs.s_axis_tvalid ?? [],
      ready: outputs.s_axis_tready ?? [],
    };
    for (const name of modules) {
      const found = this.module.cells.filter(({ type }) => type === name);
      if (found.length !== 1) return `${name} has ${found.length} instances, not one`;
      const step = this.through(found[0], from, more.get(name) ?? []);
      if (typeof step === 'string') return step;
      from = step;
    }
    return (
      this.differs(outputs.m_axis_tdata ?? [], from.data, 'm_axis_tdata') ??
      this.differs(outputs.m_axis_tvalid ?? [], from.valid, 'm_axis_tvalid') ??
      this.differs(from.ready, inputs.m_axis_tready ?? [], 'm_axis_tready')
    );
  }

  /** @param ports further ports of the instance, which go to ports of the same names */
  private through(
    { type, connections }: YosysCell,
    from: StreamNets,
    ports: readonly string[],
  ): StreamNets | string {
    const { inputs, outputs } = this.module;
    const own = (port: string): Bits => connections[port] ?? [];
    const fault =
      this.differs(own('aclk'), inputs.aclk ?? [], `aclk of ${type}`) ??
      this.differs(own('aresetn'), inputs.aresetn ?? [], `aresetn of ${type}`) ??
      this.differs(own('s_axis_tdata'), from.data, `s_axis_tdata of ${type}`) ??
      this.differs(own('s_axis_tvalid'), from.valid, `s_axis_tvalid of ${type}`) ??
      this.differs(from.ready, own('s_axis_tready'), `the ready before ${type}`) ??
      ports
        .map((port) =>
          port in outputs
            ? this.differs(outputs[port], own(port), port)
            : this.differs(own(port), inputs[port] ?? [], `${port} of ${type}`),
        )
        .find((fault) => fault !== undefined);
    if (fault !== undefined) return fault;
    return {
      data: own('m_axis_tdata'),
      valid: own('m_axis_tvalid'),
      ready: own('m_axis_tready'),
    };
  }

  private differs(got: Bits, wanted: Bits, where: string): string | undefined {
    if (got.length !== wanted.length || got.length === 0)
      return `${where} has ${got.length} bits, what it should be connected with ${wanted.length}`;
    const at = got.findIndex((bit, i) => this.root(bit) !== this.root(wanted[i]));
    this.bits += got.length;
    return at < 0 ? undefined : `bit ${at} of ${where} is not connected with what it should be`;
  }

  private root(bit: YosysBit): YosysBit {
    let at = bit;
    for (let next = this.buffers.get(at); next !== undefined; next = this.buffers.get(at))
      at = next;
    return at;
  }
}

/** Why the modules of a layer are not one behind the other; undefined where they are. */
export function layerWires(
  netlist: YosysNetlist,
  { module, buffer, units }: FoldedLayer,
): string | undefined {
  const names = [...(buffer === undefined ? [] : [buffer.name]), ...units.map(({ name }) => name)];
  const flat = flatModule(netlist, module, new Set(names));
  if (flat === undefined) return `no module ${module} is used`;
  const fault = new StreamFollower(flat).chain(names, new Map());
  return fault === undefined ? undefined : `${module}: ${fault}`;
}

/** Show that the top module has the layers and the scores one behind the other. */
export function topWires(netlist: YosysNetlist, design: FoldedDesign): WiresProof {
  const { top, layers, scores, frame, forks } = design;
  const joined = layers.find(({ join }) => join !== undefined);
  if (forks.length > 0 || joined !== undefined)
    return {
      proved: false,
      bits: 0,
      reason: `branches meet${joined === undefined ? '' : ` at ${joined.layer}`}; that none waits for the other for ever is simulated, and not proved`,
    };
  const names = [
    ...(frame === undefined ? [] : [frame]),
    ...layers.map(({ module }) => module),
    scores.unit.name,
  ];
  const flat = flatModule(netlist, top, new Set(names));
  if (flat === undefined) return { proved: false, bits: 0, reason: `no module ${top}` };
  const follower = new StreamFollower(flat);
  const more = new Map([
    [scores.unit.name, ['m_axis_tuser', 'm_axis_tlast']],
    ...(frame === undefined ? [] : [[frame, ['s_axis_tlast', 'frame_error']] as const]),
  ]);
  const reason = follower.chain(names, more);
  return reason === undefined
    ? { proved: true, bits: follower.bits }
    : { proved: false, bits: 0, reason };
}
