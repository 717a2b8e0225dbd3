import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Something that writes files and may be killed at any time. */
export interface Scenario {
  readonly name: string;
  /** What Node is given; `again` when the folder holds what a killed process left. */
  command(folder: string, again: boolean): readonly string[];
  readonly env?: (folder: string) => Readonly<Record<string, string>>;
  /** What a folder is filled with before the first start. */
  prepare?(folder: string): void;
  /** What the end is judged by: the same for every way that leads there. */
  digest(folder: string, out: string): string;
  /** Say what is wrong with what a killed process left; undefined where nothing is. */
  faultOf?(folder: string, reference: string): string | undefined;
}

export const sha256 = (bytes: Uint8Array | string): string =>
  createHash('sha256').update(bytes).digest('hex');

/** All files below a folder with their digests, in order. */
export function filesDigest(folder: string, leftOut: RegExp = /^$/): string {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  return names
    .filter((name) => !leftOut.test(name) && statSync(join(folder, name)).isFile())
    .map((name) => `${name} ${sha256(readFileSync(join(folder, name)))}`)
    .join('\n');
}

/** JSON without what differs from run to run: times, speeds and places, and what an earlier run left in a cache. */
export function withoutTimes(text: string): string {
  const changing =
    /second|time|since|start|date|path|folder|dir|perSecond|memory|version|fromCache/i;
  return JSON.stringify(JSON.parse(text), (key, value: unknown) =>
    changing.test(key) ? undefined : value,
  );
}

/** The locks that lie below a folder. */
export const locksBelow = (folder: string): readonly string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
        name.endsWith('.lock'),
      )
    : [];
