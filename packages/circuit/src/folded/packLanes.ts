/** A product of a cycle: an input, and which of its bits meets which bit of its weights. */
export interface Lane {
  readonly input: number;
  readonly weightPlane: number;
  readonly inputPlane: number;
}

/** A cycle of the lanes: SIMD of them at most, the others idle, and the planes whose factor the count is taken times. */
export interface Batch {
  readonly weightPlane: number;
  readonly inputPlane: number;
  readonly lanes: readonly Lane[];
}

/** What a group of outputs has to be done for: bit n of has[j][i] where plane n of input i meets plane j of it. */
export type GroupMasks = readonly Uint8Array[];

/** What tells the bits of inputs that a batch works on. */
export const operandKey = (lanes: readonly Lane[]): string =>
  lanes.map(({ input, inputPlane }) => `${input}.${inputPlane}`).join();

export interface Packing {
  readonly simd: number;
  readonly weightPlanes: number;
  /**
   * How many lanes of the factor of `to` come to one of `from`: a whole number, or 0 where they do not in every output of
   * a group.
   */
  ratio(from: Batch, to: Batch): number;
}

interface PlacedBatch extends Batch {
  readonly part: number;
}

const has = (mask: number, plane: number): boolean => ((mask >> plane) & 1) === 1;

function bitCount(mask: number): number {
  let count = 0;
  for (let left = mask; left > 0; left &= left - 1) count++;
  return count;
}

function chunks<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, k) =>
    list.slice(k * size, (k + 1) * size),
  );
}

const lanesOf = (inputs: readonly number[], weightPlane: number, inputPlane: number): Lane[] =>
  inputs.map((input) => ({ input, weightPlane, inputPlane }));

/** Planes of weights after each other, of those the inputs', and of these part after part: in runs that can be counted. */
const byPlane = (a: PlacedBatch, b: PlacedBatch): number =>
  a.weightPlane - b.weightPlane || a.inputPlane - b.inputPlane || a.part - b.part;

/** At most `room` parts whose inputs all do; no input is in two of them, as earlier planes may know one part twice. */
function disjoint(
  known: readonly (readonly number[])[],
  does: (input: number) => boolean,
  room: number,
): { shared: (readonly number[])[]; placed: Set<number> } {
  const shared: (readonly number[])[] = [];
  const placed = new Set<number>();
  for (const part of known) {
    if (shared.length === room) break;
    if (!part.every((i) => does(i) && !placed.has(i))) continue;
    shared.push(part);
    for (const i of part) placed.add(i);
  }
  return { shared, placed };
}

/**
 * Order a plane's inputs: those with most planes of weights first, so that every plane's are the first of them. Inputs that
 * lie together in `known` stay together where that costs no cycle: their words of weights are then shared.
 */
function ordered(
  masks: GroupMasks,
  plane: number,
  known: readonly (readonly number[])[],
  simd: number,
): number[] {
  const mask = masks[plane];
  const reach = (i: number): number => masks.reduce((n, own) => n + (own[i] > 0 ? 1 : 0), 0);
  const classes = new Map<number, number[]>();
  mask.forEach((own, i) => {
    if (own === 0) return;
    const found = classes.get(own);
    if (found === undefined) classes.set(own, [i]);
    else found.push(i);
  });
  const keys = [...classes.keys()].sort((a, b) => bitCount(b) - bitCount(a) || b - a);
  const order: number[] = [];
  for (const key of keys) {
    const own = classes.get(key) ?? [];
    const head = (simd - (order.length % simd)) % simd;
    const room = Math.max(0, Math.floor((own.length - head) / simd));
    const { shared, placed } = disjoint(known, (i) => mask[i] === key, room);
    const rest = own.filter((i) => !placed.has(i)).map((i) => ({ i, reach: reach(i) }));
    rest.sort((a, b) => b.reach - a.reach);
    const left = rest.map(({ i }) => i);
    order.push(...left.slice(0, head), ...shared.flat(), ...left.slice(head));
  }
  return order;
}

/** Batches of a group that is packed for itself: lanes idle only in the last batch of each pair of planes, if at all. */
export function packedBatches(masks: GroupMasks, packing: Packing): Batch[] {
  const { simd, weightPlanes } = packing;
  const known: number[][] = [];
  const full: PlacedBatch[] = [];
  const tails: PlacedBatch[] = [];
  masks.forEach((mask, inputPlane) => {
    const order = ordered(masks, inputPlane, known, simd);
    const parts = chunks(order, simd);
    for (let weightPlane = 0; weightPlane < weightPlanes; weightPlane++) {
      const own = order.filter((i) => has(mask[i], weightPlane));
      const touched = parts.map((part) => part.some((i) => has(mask[i], weightPlane)));
      const first = own.length === 0 || own[own.length - 1] === order[own.length - 1];
      const few = Math.ceil(own.length / simd) < touched.filter((some) => some).length;
      const put = (inputs: readonly number[], part: number): void => {
        const lanes = lanesOf(inputs, weightPlane, inputPlane);
        (inputs.length < simd ? tails : full).push({ weightPlane, inputPlane, part, lanes });
      };
      if (first || few) chunks(own, simd).forEach(put);
      else
        parts.forEach((part, k) => {
          if (touched[k]) put(part, k);
        });
    }
    known.push(...parts.filter(({ length }) => length === simd));
  });
  return [...full, ...merged(tails, packing)].sort(byPlane);
}

/**
 * Put the lanes of whole batches into idle lanes of others: as they are where factors agree, several times where the factor
 * of the others goes into theirs.
 */
function merged(tails: readonly PlacedBatch[], { simd, ratio }: Packing): PlacedBatch[] {
  let open = tails.map((batch) => ({ ...batch, lanes: [...batch.lanes] }));
  for (const batch of [...open].sort((a, b) => a.lanes.length - b.lanes.length)) {
    const hosts = open
      .filter((host) => host !== batch)
      .map((host) => ({ host, times: ratio(batch, host) }))
      .filter(({ times }) => times > 0)
      .sort((a, b) => a.times - b.times);
    const rooms = hosts.map(({ host, times }) => Math.floor((simd - host.lanes.length) / times));
    if (rooms.reduce((sum, room) => sum + room, 0) < batch.lanes.length) continue;
    let at = 0;
    hosts.forEach(({ host, times }, k) => {
      const moved = batch.lanes.slice(at, at + rooms[k]);
      at += moved.length;
      for (const lane of moved) for (let n = 0; n < times; n++) host.lanes.push(lane);
    });
    open = open.filter((one) => one !== batch);
  }
  return open;
}

/** Batches of groups that share their parts of inputs: a batch wherever one of its lanes has something to do. */
export function sharedBatches(
  groups: readonly GroupMasks[],
  order: readonly number[],
  { simd, weightPlanes }: Packing,
): Batch[][] {
  const parts = chunks(order, simd);
  const made = new Map<string, Batch>();
  const batchOf = (part: number, weightPlane: number, inputPlane: number): Batch => {
    const key = `${part},${weightPlane},${inputPlane}`;
    const known = made.get(key);
    if (known !== undefined) return known;
    const lanes = lanesOf(parts[part], weightPlane, inputPlane);
    const batch = { weightPlane, inputPlane, lanes };
    made.set(key, batch);
    return batch;
  };
  return groups.map((masks) => {
    const any = parts.map((part) =>
      masks.map((mask) => part.reduce((bits, i) => bits | mask[i], 0)),
    );
    const batches: Batch[] = [];
    for (let n = 0; n < weightPlanes; n++)
      for (let j = 0; j < masks.length; j++)
        any.forEach((bits, part) => {
          if (has(bits[j], n)) batches.push(batchOf(part, n, j));
        });
    return batches;
  });
}
