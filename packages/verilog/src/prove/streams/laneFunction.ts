import { choiceBits, type MatrixUnit } from '@hbnn/circuit';
import { registerType } from '../../yosys/cells.ts';
import type { YosysBit, YosysCell, YosysNetlist } from '../../yosys/yosys.ts';
import { AdderGraph } from '../adders.ts';
import { flatLayer } from '../layerNets.ts';
import { type FlatModule, flatModule, ownCells } from '../netlist.ts';
import { commonStage, staged, withoutRegisters } from '../stages.ts';
import { unprovedNet } from '../sums.ts';
import { type CellFunction, NotComputable, SymbolicModule } from './symbolicModule.ts';
import { termModule } from './termModule.ts';
import { isConstant, oneTerm, type Term, type Terms, unknown, zeroTerm } from './terms.ts';

/** What the lanes of a PE add up in a cycle: bits and what each of them counts. */
export interface Products {
  readonly bits: readonly Term[];
  readonly weights: readonly number[];
}

/** Bits at a lane's port x, by what they are. */
interface LanePorts {
  readonly operands: number;
  readonly width: number;
  readonly factorBits: number;
}

const portsOf = ({ tables, inputs }: MatrixUnit): LanePorts => {
  const { simd } = tables.schedule.fold;
  const { factors } = tables;
  const operands = (tables.schedule.atOnce?.entries ?? simd) * inputs.width;
  const members = { all: 0, rows: 1, each: simd }[tables.members];
  const signs = tables.schedule.atOnce === undefined ? simd + members : tables.peBits;
  const factorBits = factors.length > 1 ? factors[factors.length - 1].toString(2).length : 0;
  return { operands, width: operands + signs + factorBits, factorBits };
};

/** What a lane's factor is, and whether its PE's weights are members of the plane. */
interface Mode {
  readonly factor: number;
  readonly isMember: boolean;
}

/** The mode that bits at port x say; undefined where they are not known or say none. */
function modeOf({ tables }: MatrixUnit, ports: LanePorts, x: readonly Term[]): Mode | undefined {
  const { factors, members } = tables;
  let factor = factors[factors.length - 1] ?? 0;
  if (ports.factorBits > 0) {
    const bits = x.slice(ports.width - ports.factorBits);
    if (!bits.every(isConstant)) return undefined;
    factor = bits.reduce((sum, bit, i) => sum + bit * 2 ** i, 0);
    if (!factors.includes(factor)) return undefined;
  }
  if (members !== 'rows') return { factor, isMember: true };
  const row = x[ports.operands + tables.schedule.fold.simd];
  return isConstant(row) ? { factor, isMember: row === oneTerm } : undefined;
}

/** State the products that a PE adds up: each operand's bits as they are where its sign is plus, else inverted. */
function productsOf(unit: MatrixUnit, terms: Terms, x: readonly Term[], mode: Mode): Products {
  const { tables, inputs } = unit;
  const { operands } = portsOf(unit);
  const { atOnce, fold } = tables.schedule;
  const bits: Term[] = [];
  const weights: number[] = [];
  const add = (bit: Term, weight: number): void => {
    if (weight === 0 || bit === zeroTerm) return;
    bits.push(bit);
    weights.push(weight);
  };
  const entry = (i: number): Term[] => x.slice(i * inputs.width, (i + 1) * inputs.width);
  const signed = (bit: Term, sign: Term): Term => terms.xor(bit, terms.not(sign));
  if (!mode.isMember) return { bits, weights };
  if (atOnce === undefined) {
    for (let i = 0; i < fold.simd; i++) {
      const member = tables.members === 'each' ? x[operands + fold.simd + i] : oneTerm;
      entry(i).forEach((bit, j) => {
        add(terms.and(member, signed(bit, x[operands + i])), mode.factor * 2 ** j);
      });
    }
    return { bits, weights };
  }
  let chosen = Array.from({ length: atOnce.entries }, (_, i) => entry(i));
  atOnce.planes.forEach((lanes, n) => {
    const factor = mode.factor * (tables.planeFactors?.[n] ?? 0);
    chosen = lanes.map(({ first, choices, choice }) => {
      const from = operands + choice;
      return oneOf(
        terms,
        chosen.slice(first, first + choices),
        x.slice(from, from + choiceBits(choices)),
      );
    });
    chosen.forEach((own, lane) => {
      own.forEach((bit, j) => {
        add(signed(bit, x[operands + lanes[lane].sign]), factor * 2 ** j);
      });
    });
  });
  return { bits, weights };
}

/** One of several numbers, by a number in binary below their count. */
function oneOf(terms: Terms, from: readonly (readonly Term[])[], choice: readonly Term[]): Term[] {
  let left = from;
  for (const bit of choice)
    left = Array.from({ length: Math.ceil(left.length / 2) }, (_, i) =>
      2 * i + 1 === left.length
        ? left[2 * i]
        : left[2 * i].map((clear, j) => terms.mux(clear, left[2 * i + 1][j], bit)),
    );
  return [...left[0]];
}

/** A matrix's module with its lanes as functions that were proved. */
export interface WithLanes {
  readonly module: FlatModule;
  readonly functions: ReadonlyMap<string, CellFunction>;
}

const laneCell = `${ownCells}lane`;

/**
 * Show that a matrix's lane is the sum of its products for all operands and weights, behind registers that all move
 * together, and put that in its instances' place.
 *
 * @returns undefined where it is not shown: the lanes are gates like all others then
 */
export function withLanes(
  netlist: YosysNetlist,
  unit: MatrixUnit,
  terms: Terms,
): WithLanes | undefined {
  const { lane, name } = unit;
  const own = flatModule(netlist, lane.name);
  const module = flatModule(netlist, name, new Set([lane.name]));
  if (own === undefined || module === undefined) return undefined;
  const always = withoutEnables(own);
  if (always === undefined) return undefined;
  const stages = staged(always);
  if ('reason' in stages) return undefined;
  const common = commonStage(stages, own.outputs.y ?? []);
  if ('reason' in common || !isSumOfProducts(withoutRegisters(always), unit, terms))
    return undefined;
  const ports = portsOf(unit);
  const made: CellFunction = (x) => {
    const width = own.outputs.y.length;
    const mode = modeOf(unit, ports, x);
    if (mode === undefined) return Array.from({ length: width }, () => unknown);
    const { bits, weights } = productsOf(unit, terms, x, mode);
    return terms.sum(bits, weights, width);
  };
  return {
    module: withStages(module, lane.name, common.stages ?? 0),
    functions: new Map([[laneCell, made]]),
  };
}

/** The module with registers that take a value in every cycle, where all of them wait for the port ce alone. */
function withoutEnables(module: FlatModule): FlatModule | undefined {
  const ce = module.inputs.ce?.[0];
  const drivers = new Map<YosysBit, YosysCell>();
  for (const cell of module.cells)
    if (cell.connections.Y !== undefined) drivers.set(cell.connections.Y[0], cell);
  const { ce: _, ...inputs } = module.inputs;
  const cells: YosysCell[] = [];
  for (const cell of module.cells) {
    if (cell.type !== registerType) {
      cells.push(cell);
      continue;
    }
    const { C, D, Q } = cell.connections;
    const choice = drivers.get(D[0]);
    const { A, B, S } = choice?.connections ?? {};
    if (choice?.type !== '$_MUX_' || A?.[0] !== Q[0] || S?.[0] !== ce) return undefined;
    cells.push({ ...cell, connections: { C, D: B, Q } });
  }
  // The choices between old and new values are not read any more.
  const read = new Set(
    cells.flatMap(({ type, connections }) =>
      Object.entries(connections).flatMap(([port, bits]) =>
        port === 'Y' || (type === registerType && port === 'Q') ? [] : bits,
      ),
    ),
  );
  const isRead = ({ type, connections }: YosysCell): boolean =>
    type !== '$_MUX_' ||
    connections.S[0] !== ce ||
    read.has(connections.Y[0]) ||
    Object.values(module.outputs).some((bits) => bits.includes(connections.Y[0]));
  return { ...module, inputs, cells: cells.filter(isRead) };
}

/** Whether the logic of a lane is the sum of its products, in every mode. */
function isSumOfProducts(lane: FlatModule, unit: MatrixUnit, terms: Terms): boolean {
  const { tables } = unit;
  const ports = portsOf(unit);
  const x = lane.inputs.x ?? [];
  if (x.length !== ports.width) return false;
  const symbols = x.map((_, bit) => terms.symbol(0, bit));
  const computed = new SymbolicModule(lane, terms, 'x', new Map());
  const factors = ports.factorBits > 0 ? tables.factors : [tables.factors.at(-1) ?? 0];
  const rows = tables.members === 'rows' ? [zeroTerm, oneTerm] : [oneTerm];
  return factors.every((factor) =>
    rows.every((row) => {
      const given = symbols.map((symbol, i) => {
        const place = i - (ports.width - ports.factorBits);
        if (place >= 0) return Math.floor(factor / 2 ** place) % 2;
        const isRow = tables.members === 'rows' && i === ports.operands + tables.schedule.fold.simd;
        return isRow ? row : symbol;
      });
      computed.put('x', given);
      computed.evaluate();
      const mode = { factor, isMember: row === oneTerm };
      return isSum(terms, computed.at('y'), productsOf(unit, terms, given, mode));
    }),
  );
}

/** Whether bits are those of a sum, modulo what they hold. */
export function isSum(terms: Terms, y: readonly Term[], { bits, weights }: Products): boolean {
  const products = bits.map((bit) => terms.plain(bit));
  const ends = new Set(products.filter((term) => !isConstant(term)));
  const flat = termModule(terms, 'lane', [...ends], y);
  const isReadElsewhere = terms
    .cone(y, ends)
    .some((term) => !ends.has(term) && terms.kindOf(term) === 'symbol');
  if (flat.fault !== undefined || isReadElsewhere) return false;
  if (ends.size <= maxTried) return isSumOfAll(terms, y, { bits, weights }, [...ends]);
  const { module, counters } = flatLayer(flat, 'y');
  const outputs = flat.outputs.y;
  let constant = 0;
  const sums = outputs.map((bit, j): [YosysBit, number] => [bit, 2 ** j]);
  bits.forEach((bit, i) => {
    const product = products[i];
    // An inverted bit is 1 less the bit.
    const [base, weight] = product === bit ? [0, weights[i]] : [weights[i], -weights[i]];
    constant -= base + (product === oneTerm ? weight : 0);
    if (!isConstant(product)) sums.push([product, -weight]);
  });
  const form = { constant, terms: sums };
  const graph = new AdderGraph(module, counters, outputs);
  return unprovedNet(graph, form, 2 ** outputs.length) === undefined;
}

/** Products whose values are all tried. */
const maxTried = 12;

/** The same by trying all values of the products. */
function isSumOfAll(
  terms: Terms,
  y: readonly Term[],
  { bits, weights }: Products,
  products: readonly Term[],
): boolean {
  const order = terms.cone([...y, ...bits], new Set(products));
  for (let row = 0; row < 2 ** products.length; row++) {
    const values = new Map<Term, number>([
      [zeroTerm, 0],
      [oneTerm, 1],
      ...products.map((term, i): [Term, number] => [term, (row >> i) & 1]),
    ]);
    const bitOf = (term: Term): number => values.get(term) ?? 0;
    for (const term of order) if (!values.has(term)) values.set(term, terms.valueOf(term, bitOf));
    const got = y.reduce((sum, bit, j) => sum + bitOf(bit) * 2 ** j, 0);
    const wanted = bits.reduce((sum, bit, i) => sum + bitOf(bit) * weights[i], 0);
    if (got !== wanted % 2 ** y.length) return false;
  }
  return true;
}

/** The module with functions in place of a lane's instances, and the lane's registers behind each. */
function withStages(module: FlatModule, lane: string, stages: number): FlatModule {
  const ports = [module.inputs, module.outputs, ...module.cells.map((cell) => cell.connections)];
  let next = 1;
  for (const bits of ports.flatMap((each) => Object.values(each)))
    for (const bit of bits) if (typeof bit === 'number') next = Math.max(next, bit);
  const cells = module.cells.flatMap((cell): YosysCell[] => {
    if (cell.type !== lane) return [cell];
    const { x, y, clk, ce } = cell.connections;
    let made = stages === 0 ? y : y.map(() => ++next);
    const all: YosysCell[] = [{ type: laneCell, connections: { x, y: made } }];
    for (let stage = 0; stage < stages; stage++) {
      const to = stage === stages - 1 ? y : y.map(() => ++next);
      made.forEach((bit, i) => {
        const taken = ++next;
        all.push(
          { type: '$_MUX_', connections: { A: [to[i]], B: [bit], S: ce, Y: [taken] } },
          { type: registerType, connections: { C: clk, D: [taken], Q: [to[i]] } },
        );
      });
      made = to;
    }
    return all;
  });
  if (
    stages > 0 &&
    module.cells.some(({ type, connections }) => type === lane && connections.ce === undefined)
  )
    throw new NotComputable(`an instance of ${lane} has no ce`);
  return { ...module, cells };
}
