import { HbnnError } from '@hbnn/core';
import type { WeightArray } from '../assemble/layerSpec.ts';
import type { H5File } from './h5File.ts';
import type { TopologyLayer } from './topology.ts';
import type { WeightedLayer, WeightSource } from './weightSource.ts';

/** Conv2D is conv2d there, and ReLU is re_lu. */
const snakeCase = (name: string): string =>
  name
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();

/** The weights of a .keras file: a group for each layer, weights by number. */
export class ArchivedWeights implements WeightSource {
  private readonly h5: H5File;
  /** The group of each layer. */
  private readonly groups: ReadonlyMap<string, string>;
  private readonly taken = new Set<string>();

  constructor(h5: H5File, layers: readonly TopologyLayer[]) {
    this.h5 = h5;
    this.groups = groupsOf(h5, layers);
  }

  take({ path: layer }: WeightedLayer, names: readonly string[], where: string): WeightArray[] {
    const path = `${this.groups.get(layer)}/vars`;
    const numbers = this.h5.names(path);
    if (numbers.length !== names.length)
      throw new HbnnError(
        `${where}: expected ${names.length} weights (${names.join(', ')}), got ${numbers.length}; save architecture and weights of the same network`,
      );
    return names.map((_, i) => {
      this.taken.add(`${path}/${i}`);
      return this.h5.weight(`${path}/${i}`);
    });
  }

  rest(): readonly string[] {
    return allVars(this.h5, 'layers').filter((path) => !this.taken.has(path));
  }
}

/** The weights of the layers in a group, and of those of models among them. */
function allVars(h5: H5File, path: string): string[] {
  return h5
    .names(path)
    .flatMap((group) => [
      ...h5.names(`${path}/${group}/vars`).map((number) => `${path}/${group}/vars/${number}`),
      ...allVars(h5, `${path}/${group}/layers`),
    ]);
}

/** The group of each layer by the name that it bears, behind those of the models around it. */
function namedGroups(h5: H5File, path: string, before: string): [string, string][] {
  return h5.names(path).flatMap((group): [string, string][] => {
    const name = h5.text(`${path}/${group}/vars`, 'name');
    if (name === undefined) return [];
    const own = `${before}${name}`;
    return [[own, `${path}/${group}`], ...namedGroups(h5, `${path}/${group}/layers`, `${own}/`)];
  });
}

/** Find each layer's group: by the name that it bears, in older files by its class and number. */
function groupsOf(h5: H5File, layers: readonly TopologyLayer[]): Map<string, string> {
  const named = new Map(namedGroups(h5, 'layers', ''));
  if (named.size > 0) return named;
  const counts = new Map<string, number>();
  return new Map(
    layers.map(({ name, className }) => {
      const kind = snakeCase(className);
      const count = counts.get(kind) ?? 0;
      counts.set(kind, count + 1);
      return [name, `layers/${kind}${count === 0 ? '' : `_${count}`}`];
    }),
  );
}
