import { busWidth, type Design, type DesignLayer, indexWidth, type Leaf } from '@hbnn/circuit';
import { registersOf } from './netlistCounts.ts';

/** Registers of a step of a pipelined design. */
export interface StepRegisters {
  readonly name: string;
  readonly flipFlops: number;
}

/** Count the registers of an unrolled design step by step: 0 in each where it was made without a budget of levels. */
export function pipelineRegisters(design: Design): StepRegisters[] {
  const { layers, scores, largest, classes } = design;
  const steps = layers.map((layer, i): StepRegisters => {
    const waits = layers.flatMap(({ sources }) =>
      sources.filter((source) => source.layer === i).map(({ delayCycles }) => delayCycles),
    );
    const waiting = Math.max(0, ...waits) * busWidth(layer.output);
    return { name: layer.layer, flipFlops: layerRegisters(layer) + waiting };
  });
  // Scores wait for the number of the largest.
  const waiting = largest.registered.length * 32 * classes.length;
  return [
    ...steps,
    { name: 'scores', flipFlops: registersOf(scores.net) + waiting },
    { name: 'largest', flipFlops: tournamentRegisters(design) },
  ];
}

/** Registers of a layer's modules, each as often as it is there. */
function layerRegisters({ modules, module }: DesignLayer): number {
  const leaves = new Map(
    modules
      .filter((one): one is Leaf => one.kind === 'leaf')
      .map((leaf) => [leaf.name, registersOf(leaf.net)]),
  );
  const own = modules.find(({ name }) => name === module);
  if (own?.kind !== 'wrapper') return leaves.get(module) ?? 0;
  return own.instances.reduce((sum, instance) => sum + (leaves.get(instance.module) ?? 0), 0);
}

/** Values and numbers behind the rounds that have registers; of a number only the bits that the rounds before decide. */
function tournamentRegisters({ largest: { registered, width }, classes }: Design): number {
  const bits = indexWidth(classes.length);
  return registered.reduce((sum, round) => {
    const left = Math.ceil(classes.length / 2 ** round);
    return sum + left * (width + Math.min(round, bits));
  }, 0);
}
