/** What of Vite's plugins is used; its own type would be that of another version than VitePress has. */
interface StubPlugin {
  readonly name: string;
  readonly enforce: 'pre';
  resolveId(
    id: string,
    importer: string | undefined,
    options: { readonly ssr?: boolean },
  ): { id: string; moduleSideEffects: boolean } | undefined;
  load(id: string): Promise<string | undefined>;
}

/**
 * Node's own modules for code that runs in a page: every name is there, and using one says that a page has no
 * such thing. The packages call them only for files, threads and child processes, which no playground asks for.
 */
/** Tools that the packages load when they are asked to: the playground loads Yosys from a file beside the site. */
const left: ReadonlySet<string> = new Set(['@yowasp/yosys', '@yowasp/nextpnr-ice40']);

export function browserStubs(): StubPlugin {
  const prefix = '\0browser-stub:';
  return {
    name: 'hbnn-browser-stubs',
    enforce: 'pre',
    resolveId(id, _importer, options) {
      if (options.ssr || !(id.startsWith('node:') || left.has(id))) return undefined;
      return { id: prefix + id, moduleSideEffects: false };
    },
    async load(id) {
      if (!id.startsWith(prefix)) return undefined;
      const name = id.slice(prefix.length);
      const names = left.has(name) ? ['Exit', 'runYosys'] : Object.keys(await import(name));
      return `const missing = (path) => new Proxy(function () {}, {
        get: (_, key) => (typeof key === 'symbol' ? undefined : missing(path + '.' + key)),
        apply: () => { throw new Error('a page has no ' + path); },
        construct: () => { throw new Error('a page has no ' + path); },
      });
      const stub = missing(${JSON.stringify(name)});
      export default stub;
      ${names
        .filter((key) => key !== 'default')
        .map((key) => `export const ${key} = stub.${key};`)
        .join('\n')}`;
    },
  };
}
