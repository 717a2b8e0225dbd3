import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ResultRow } from '../stage.ts';

/** Average bits as shares of 1, 2 and 3 bits; the paper's mixes. */
export const circuitMixes: readonly (readonly [bits: number, mix: string])[] = [
  [1, '1'],
  [1.2, '0.8/0.2'],
  [1.4, '0.7/0.2/0.1'],
  [2, '0/1'],
];

/** Layers of which one place is synthesized. */
export const layerPlaces = [
  { network: 'VGG-8', layer: 'conv2', inputs: 576 },
  { network: 'MobileNet', layer: 'pointwise7', inputs: 512 },
] as const;

/** One place of a layer, a slice of its outputs, synthesized (`pnpm bench:layers`). */
export interface LayerCircuit {
  readonly network: string;
  readonly layer: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly bits: number;
  /** What shares a weight's bitwidth. */
  readonly mapPer: 'element' | 'position';
  /** Whether inputs have as many bits, or one. */
  readonly scaling: 'weights' | 'weights and inputs';
  readonly circuit: 'lut6' | 'gates';
  /** LUTs or gate equivalents. */
  readonly area: number;
  /** LUT6 sites, in which two small tables share one. */
  readonly sites?: number;
  /** The estimate of the area. */
  readonly estimate: number;
  /** Synthesis of the whole model. */
  readonly synthesisSeconds: number;
  readonly estimateSeconds: number;
}

const file = fileURLToPath(new URL('../../../results/hardware/layers.json', import.meta.url));

/** What `pnpm bench:layers --save` has kept; none before it has run. */
function layerCircuits(): { readonly rows: readonly LayerCircuit[]; readonly by: string } {
  if (!existsSync(file)) return { rows: [], by: '' };
  const { rows, provenance } = JSON.parse(readFileSync(file, 'utf8')) as {
    rows: LayerCircuit[];
    provenance: { commit: string; command: string };
  };
  return {
    rows,
    by:
      'One layer of VGG-8 and one layer of MobileNet were synthesized, with all inputs but only 8 outputs ' +
      `(\`${provenance.command}\`, commit ${provenance.commit.slice(0, 7)})`,
  };
}

/** What is compared: LUT6 sites, or gate equivalents. */
const sizeOf = ({ sites, area }: LayerCircuit): number => sites ?? area;

/** Synthesized areas relative to 1 bit, beside the paper's law. */
export function circuitRows(): ResultRow[] {
  const { rows, by } = layerCircuits();
  return rows.flatMap((row): ResultRow[] => {
    const { network, layer, inputs, outputs, bits, mapPer, scaling, circuit } = row;
    const oneBit = rows.find(
      (other) => other.bits === 1 && other.layer === layer && other.circuit === circuit,
    );
    if (oneBit === undefined) return [];
    const law = scaling === 'weights' || circuit === 'lut6' ? bits : bits ** 2;
    return [
      {
        label: `synthesized ${circuit}, ${network} ${layer} ${bits} bit ${scaling}, ${mapPer}`,
        kind: 'measured',
        unit: '× 1 bit',
        ours: Number((sizeOf(row) / sizeOf(oneBit)).toFixed(3)),
        scale: by,
        columns: {
          row: 'c',
          platform: `${circuit}, Yosys`,
          bits,
          model: `${network} ${layer}, ${inputs} × ${outputs}`,
          unfolding: 'a place',
          quantity: `area, ${scaling}, map per ${mapPer} (the paper’s law: ${law.toFixed(2)})`,
        },
      },
    ];
  });
}
