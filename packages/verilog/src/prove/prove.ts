import type { Design, FoldedDesign } from '@hbnn/circuit';
import type { CheckedModel } from '@hbnn/model';
import { type Compiled, compile } from '../simulate/compile.ts';
import { gateNetlist } from '../simulate/simulate.ts';
import type { YosysModule, YosysNetlist } from '../yosys/yosys.ts';
import { YosysPool } from '../yosys/yosysPool.ts';
import type { Claim } from './claim.ts';
import { largestClaim, scoresClaim, signExtended, stepClaim } from './claims.ts';
import { concluded } from './conclusion.ts';
import { counterOf, type FlatModule, flatModule, proofNetlist } from './netlist.ts';
import { type Found, type Means, meansFor, portFault, proveOutputs } from './outputs.ts';
import { type PrimitiveUse, useOf } from './primitives.ts';
import {
  checkProof,
  type Disproof,
  type LayerProof,
  type Proof,
  type ProofOptions,
} from './proof.ts';
import type { Answer } from './sat.ts';
import { commonStage, type Stage, staged, withoutRegisters } from './stages.ts';
import { proveStreams } from './streams/proveStreams.ts';
import { proveWires, type WiresProof } from './wires.ts';

export type { OutputsProof, ProofMethod } from './outputs.ts';
export type { Disproof, LayerProof, Proof, ProofOptions } from './proof.ts';
export type { WiresProof } from './wires.ts';

/**
 * Prove Verilog against the model for all images, whoever wrote it: primitives by Yosys's `sat`; of each layer, of the
 * scores and of the number of the largest, sums by the adders that their gates are, what has few inputs by trying all,
 * the rest by `sat`, where registers that stand on every way alike count as wires; and the wires between them. Of a
 * folded design, every module between two streams is followed through all states that it can get into. What nothing
 * shows is simulated.
 *
 * @param files the Verilog, as `verify` takes it
 * @throws HbnnError when the text cannot be read, or a primitive does not add
 */
export async function prove(
  model: CheckedModel,
  design: Design | FoldedDesign,
  files: Readonly<Record<string, string>>,
  o: ProofOptions = {},
): Promise<Proof> {
  checkProof(o);
  const pool = new YosysPool(o.workers);
  try {
    if (design.kind === 'folded') return await proveStreams(model, design, files, pool, o);
    const netlist = await proofNetlist(pool, design, files);
    const gates = wired(await gateNetlist(design, files));
    return await new DesignProof(model, design, { netlist, gates }, pool, o).run(files);
  } finally {
    await pool.close();
  }
}

/** What Yosys read: with primitives as cells, and as gates alone with wires in place of registers. */
interface Netlists {
  readonly netlist: YosysNetlist;
  readonly gates: YosysNetlist;
}

class DesignProof {
  private readonly model: CheckedModel;
  private readonly design: Design;
  private readonly from: Netlists;
  private readonly pool: YosysPool;
  private readonly o: ProofOptions;
  private readonly asked = new Map<string, Promise<Answer>>();
  private readonly uses: PrimitiveUse[] = [];
  private readonly known = new Map<string, { readonly input: string; readonly stages: Stage }>();
  private disproof: Disproof | undefined;

  constructor(
    model: CheckedModel,
    design: Design,
    from: Netlists,
    pool: YosysPool,
    o: ProofOptions,
  ) {
    this.model = model;
    this.design = design;
    this.from = from;
    this.pool = pool;
    this.o = o;
  }

  async run(files: Readonly<Record<string, string>>): Promise<Proof> {
    const { design, o } = this;
    const layers: LayerProof[] = [];
    const total = design.layers.length + 2;
    for (const [i, layer] of design.layers.entries()) {
      o.onLayer?.(i, total, layer.layer);
      layers.push(await this.prove(stepClaim(layer)));
      if (this.disproof !== undefined) break;
    }
    const rest = this.disproof === undefined ? await this.rest(total) : undefined;
    o.onLayer?.(total, total, '');
    const parts = { layers, ...rest, ...(this.disproof && { disproof: this.disproof }) };
    return concluded(parts, this.pool, files, this.uses);
  }

  /** Scores, the number of the largest, and the wires. */
  private async rest(
    total: number,
  ): Promise<{ scores: LayerProof; largest: LayerProof; wires: WiresProof }> {
    const { model, design, o } = this;
    o.onLayer?.(total - 2, total, 'scores');
    const scores = await this.prove(scoresClaim(model, design));
    o.onLayer?.(total - 1, total, 'largest');
    const claim = largestClaim(model, design);
    const largest = await this.prove(claim, (flat) => signExtended(flat, claim.input));
    return { scores, largest, wires: this.wires() };
  }

  private wires(): WiresProof {
    const { design, known, o } = this;
    const links = [...design.layers.map(({ module }) => module), design.scores.name];
    const parts = new Set([...links, design.largest.name]);
    const unknown = [...parts].find((module) => !known.has(module));
    if (unknown !== undefined)
      return { proved: false, bits: 0, reason: `the registers of ${unknown} are not known` };
    const top = flatModule(this.from.netlist, design.top, parts);
    if (top === undefined) return { proved: false, bits: 0, reason: `no module ${design.top}` };
    return proveWires(top, design, known, o.latencyCycles ?? design.latencyCycles);
  }

  /** @param changed what is known of the module's inputs, put into its logic */
  private async prove(
    claim: Claim,
    changed?: (flat: FlatModule) => FlatModule,
  ): Promise<LayerProof> {
    const start = performance.now();
    const { proof, difference } = await this.found(claim, start, changed);
    if (difference !== undefined) this.disproof ??= { layer: claim.layer, ...difference };
    return { layer: claim.layer, ...proof, seconds: (performance.now() - start) / 1000 };
  }

  private async found(
    claim: Claim,
    start: number,
    changed: (flat: FlatModule) => FlatModule = (flat) => flat,
  ): Promise<Found> {
    const { netlist, gates } = this.from;
    const outputs = claim.output.forms.length;
    const refused = (reason: string): Found => ({
      proof: { method: 'simulated', outputs, proved: 0, vectors: 0, reason },
    });
    const flat = flatModule(netlist, claim.module);
    if (flat === undefined) return refused(`no module ${claim.module} is used`);
    const wrong = portFault(flat, claim);
    if (wrong !== undefined) return refused(wrong);
    const stages = staged(withoutPadding(flat, claim));
    if ('reason' in stages) return refused(stages.reason);
    const common = commonStage(stages, flat.outputs[claim.port]);
    if ('reason' in common) return refused(common.reason);
    this.known.set(claim.module, { input: 'x', stages: common.stages });
    for (const cell of flat.cells) {
      const counter = counterOf(cell);
      if (counter !== undefined) this.uses.push(useOf(counter));
    }
    const compiled = (): Promise<Compiled> => {
      const vendor = new Set(
        Object.keys(gates.modules).filter((name) => /^(LUT6_2|CARRY4)$/.test(name)),
      );
      const own = claim.port === 'y' ? undefined : flatModule(gates, claim.module, vendor);
      const single = own && { modules: { [claim.module]: asModule(changed(own)) } };
      return compile(single ?? gates, claim.module);
    };
    const found = await proveOutputs(
      claim,
      changed(withoutRegisters(flat)),
      this.means(start, compiled),
    );
    const registers = common.stages ?? 0;
    return registers === 0 ? found : { ...found, proof: { ...found.proof, registers } };
  }

  private means(start: number, compiled: () => Promise<Compiled>): Means {
    return meansFor(this.pool, this.asked, start, this.o, compiled);
  }
}

/** A bus of no bits has a wire all the same: it stands for nothing. */
function withoutPadding(flat: FlatModule, { input }: Claim): FlatModule {
  const bits = input.offsets[input.offsets.length - 1];
  return bits > 0 ? flat : { ...flat, inputs: { ...flat.inputs, x: [] } };
}

const asModule = ({ inputs, outputs, cells }: FlatModule): YosysModule => ({
  ports: Object.fromEntries([
    ...Object.entries(inputs).map(([name, bits]) => [name, { direction: 'input', bits }]),
    ...Object.entries(outputs).map(([name, bits]) => [name, { direction: 'output', bits }]),
  ]),
  cells: Object.fromEntries(cells.entries()),
  netnames: {},
});

/** Wires in place of registers: meant for modules where that is allowed, see `staged`. */
function wired({ modules }: YosysNetlist): YosysNetlist {
  const each = Object.entries(modules).map(([name, module]): [string, YosysModule] => {
    const { cells } = withoutRegisters({
      name,
      inputs: {},
      outputs: {},
      cells: Object.values(module.cells),
      names: new Map(),
    });
    return [name, { ...module, cells: Object.fromEntries(cells.entries()) }];
  });
  return { modules: Object.fromEntries(each) };
}
