/** Bytes that must stay whole from one step to another, both included. */
export interface Need {
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
}

export interface Arena {
  readonly offsets: readonly number[];
  readonly bytes: number;
}

/** Vector loops may run past the end of what they read. */
const alignment = 64;

/** Place buffers so that those needed at the same time do not overlap: the largest first, each as low as it fits. */
export function planArena(needs: readonly Need[]): Arena {
  const order = needs.map((_, i) => i).sort((a, b) => needs[b].bytes - needs[a].bytes || a - b);
  const offsets: number[] = needs.map(() => 0);
  const placed: number[] = [];
  let bytes = 0;
  for (const i of order) {
    const need = needs[i];
    const beside = placed
      .filter((k) => needs[k].from <= need.to && need.from <= needs[k].to)
      .sort((a, b) => offsets[a] - offsets[b]);
    let at = 0;
    for (const k of beside) {
      if (offsets[k] - at >= need.bytes) break;
      at = Math.max(at, Math.ceil((offsets[k] + needs[k].bytes) / alignment) * alignment);
    }
    offsets[i] = at;
    placed.push(i);
    bytes = Math.max(bytes, at + need.bytes);
  }
  return { offsets, bytes };
}
