import { HbnnError } from '@hbnn/core';
import { type Constant, constantOf, type ExternalData } from './constant.ts';
import type { AttributeProto, NodeProto } from './schema.ts';

const types = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7 } as const;

/** The attributes of a node: what nobody reads is refused. */
export class Attributes {
  readonly where: string;
  private readonly attributes: Map<string, AttributeProto>;
  private readonly seen = new Set<string>();

  constructor(node: NodeProto, where: string) {
    this.where = where;
    this.attributes = new Map(node.attribute.map((attribute) => [attribute.name, attribute]));
  }

  private get(name: string, type: keyof typeof types): AttributeProto | undefined {
    this.seen.add(name);
    const attribute = this.attributes.get(name);
    if (attribute === undefined) return undefined;
    if (attribute.type === types[type] && attribute.ref_attr_name === '') return attribute;
    throw new HbnnError(
      `${this.where}: expected the attribute ${name} as ${type}, got the type ${attribute.type}; export the network again`,
    );
  }

  has(name: string): boolean {
    return this.attributes.has(name);
  }

  int(name: string, otherwise: number): number {
    return this.get(name, 'int')?.i ?? otherwise;
  }

  float(name: string, otherwise: number): number {
    return this.get(name, 'float')?.f ?? otherwise;
  }

  ints(name: string): readonly number[] | undefined {
    return this.get(name, 'ints')?.ints;
  }

  floats(name: string): readonly number[] | undefined {
    return this.get(name, 'floats')?.floats;
  }

  text(name: string, otherwise: string): string {
    const attribute = this.get(name, 'string');
    return attribute === undefined ? otherwise : Buffer.from(attribute.s).toString('utf8');
  }

  tensor(name: string, external: ExternalData): Constant | undefined {
    const tensor = this.get(name, 'tensor')?.t;
    return tensor == null ? undefined : constantOf(tensor, this.where, external);
  }

  /** Refuse another value than the one that can be imported. */
  only(name: string, value: number, way: string): void {
    const got = this.int(name, value);
    if (got === value) return;
    throw new HbnnError(`${this.where}: expected ${name} ${value}, got ${got}; ${way}`);
  }

  /** Attributes that are only of use in training. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.seen.add(name);
  }

  /** Refuse attributes that were not read. */
  finish(): void {
    for (const name of this.attributes.keys())
      if (!this.seen.has(name))
        throw new HbnnError(
          `${this.where}: expected attributes that the operator is known to have, got '${name}'; export the network without it`,
        );
  }
}
