import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import type { ObjectStore } from './objectStore.ts';

/** What a store has of a folder: an object of its own, written last, so that a reader has all files or those before. */
interface Index {
  readonly format: typeof format;
  /** The SHA-256 of each file by its name. Objects are called by it, so that none is ever written over by another. */
  readonly files: Readonly<Record<string, string>>;
}

const format = 'HBNN stored folder, version 1';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const isName = (name: string): boolean => /^[\w.-]+$/.test(name) && !/^\.+$/.test(name);

/** Files may be written anew while they are read: the index is read again then. */
const maxTries = 5;

/** A folder of a store, which one process at a time writes to. */
export class StoredFolder {
  readonly #store: ObjectStore;
  readonly #place: string;
  /** What this process has written and nothing newer has replaced. */
  #written = new Set<string>();

  /** @param place the folder's name in the store, with `/` between its parts */
  constructor(store: ObjectStore, place: string) {
    this.#store = store;
    this.#place = place;
  }

  /**
   * Keep files of a folder, in the order in which they are to be read, and leave out those that are not there. All of
   * them are in the store at the end, or what was there before is.
   *
   * @throws HbnnError where the store cannot be reached, or refuses
   */
  async save(folder: string, names: readonly string[]): Promise<void> {
    const contents = names
      .filter((name) => existsSync(join(folder, name)))
      .map((name): [string, Uint8Array] => [name, readFileSync(join(folder, name))]);
    const before = await this.#index();
    const known = new Set(Object.values(before?.files ?? {}));
    const files = Object.fromEntries(contents.map(([name, bytes]) => [name, sha256(bytes)]));
    for (const [name, bytes] of contents) {
      const digest = files[name];
      if (known.has(digest)) continue;
      await this.#store.put(this.#key(digest), bytes);
      this.#written.add(digest);
    }
    const index: Index = { format, files };
    await this.#store.put(this.#key('index.json'), Buffer.from(JSON.stringify(index)));
    const kept = new Set(Object.values(files));
    for (const digest of [...this.#written].filter((each) => !kept.has(each))) {
      await this.#store.remove(this.#key(digest));
      this.#written.delete(digest);
    }
  }

  /**
   * Bring the files to a folder, each whole or not at all.
   *
   * @returns their names; undefined where the store has no such folder
   * @throws HbnnError where they are damaged, or the store cannot be reached
   */
  async load(folder: string): Promise<readonly string[] | undefined> {
    for (let tries = 0; tries < maxTries; tries++) {
      const index = await this.#index();
      if (index === undefined) return undefined;
      const contents = await this.#contents(index);
      if (contents === undefined) continue;
      mkdirSync(folder, { recursive: true });
      for (const [name, bytes] of contents) {
        const temporary = join(folder, `${name}.${process.pid}.tmp`);
        writeFileSync(temporary, bytes);
        renameSync(temporary, join(folder, name));
      }
      return contents.map(([name]) => name);
    }
    throw new HbnnError(
      `${this.#shown}: expected the files that its index names, got none of some; delete the folder in the store and go on with the sweep`,
    );
  }

  /** The files of an index; undefined where one was replaced in the meantime. */
  async #contents({ files }: Index): Promise<[string, Uint8Array][] | undefined> {
    const contents: [string, Uint8Array][] = [];
    for (const [name, digest] of Object.entries(files)) {
      const bytes = await this.#store.get(this.#key(digest));
      if (bytes === undefined) return undefined;
      if (sha256(bytes) !== digest)
        throw new HbnnError(
          `${this.#shown}/${name}: expected the SHA-256 ${digest}, got ${sha256(bytes)}; delete the folder in the store and go on with the sweep`,
        );
      contents.push([name, bytes]);
    }
    return contents;
  }

  async #index(): Promise<Index | undefined> {
    const bytes = await this.#store.get(this.#key('index.json'));
    if (bytes === undefined) return undefined;
    try {
      const index = JSON.parse(Buffer.from(bytes).toString('utf8')) as Partial<Index> | null;
      const isWhole =
        index?.format === format &&
        Object.entries(index.files ?? {}).every(
          ([name, digest]) => isName(name) && /^[0-9a-f]{64}$/.test(String(digest)),
        );
      if (isWhole) return index as Index;
    } catch {
      // It is refused below, as another object that is no index.
    }
    throw new HbnnError(
      `${this.#shown}/index.json: expected ${format}, got something else; delete the folder in the store and go on with the sweep`,
    );
  }

  #key(name: string): string {
    return `${this.#place}/${name}`;
  }

  get #shown(): string {
    return `${this.#store.address.shown}/${this.#place}`;
  }
}
