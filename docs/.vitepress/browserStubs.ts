import type { Plugin } from 'vite';

/**
 * Node's own modules for code that runs in a page: every name is there, and using one says that a page has no
 * such thing. The packages call them only for files, threads and child processes, which no playground asks for.
 */
export function browserStubs(): Plugin {
  const prefix = '\0browser-stub:';
  return {
    name: 'hbnn-browser-stubs',
    enforce: 'pre',
    resolveId(id, _importer, options) {
      if (options.ssr || !id.startsWith('node:')) return undefined;
      return { id: prefix + id, syntheticNamedExports: 'stub', moduleSideEffects: false };
    },
    load(id) {
      if (!id.startsWith(prefix)) return undefined;
      const name = id.slice(prefix.length);
      return `const missing = (path) => new Proxy(function () {}, {
        get: (_, key) => (typeof key === 'symbol' ? undefined : missing(path + '.' + key)),
        apply: () => { throw new Error('a page has no ' + path); },
        construct: () => { throw new Error('a page has no ' + path); },
      });
      export const stub = missing(${JSON.stringify(name)});
      export default stub;`;
    },
  };
}
