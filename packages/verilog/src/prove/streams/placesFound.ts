import type { Found, ProofMethod } from '../outputs.ts';
import type { LayerProof } from '../proof.ts';

const methods: readonly ProofMethod[] = ['adders', 'exhaustive', 'sat', 'simulated'];

/** What was found of the places of a layer so far. */
export class PlacesFound {
  outputs = 0;
  proved = 0;
  vectors = 0;
  bySat = 0;
  method: ProofMethod = 'adders';
  reason: string | undefined;

  add({ proof }: Found, count: number): void {
    this.outputs += count;
    this.proved += Math.min(count, proof.proved);
    this.vectors += proof.vectors;
    this.bySat += proof.bySat ?? 0;
    if (methods.indexOf(proof.method) > methods.indexOf(this.method)) this.method = proof.method;
    this.reason ??= proof.reason;
  }

  get found(): Omit<LayerProof, 'layer' | 'seconds'> {
    const { method, outputs, proved, vectors, bySat, reason } = this;
    return {
      method,
      outputs,
      proved,
      vectors,
      ...(bySat > 0 && { bySat }),
      ...(reason !== undefined && { reason }),
    };
  }
}
