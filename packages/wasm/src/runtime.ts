/** Modules of Node.js that the package uses. */
interface Builtins {
  readonly 'node:fs/promises': typeof import('node:fs/promises');
  readonly 'node:os': typeof import('node:os');
  readonly 'node:worker_threads': typeof import('node:worker_threads');
}

/** Whether this is Node.js, or a runtime that has its modules. */
export const inNode: boolean =
  typeof process === 'object' &&
  process.versions?.node !== undefined &&
  typeof process.getBuiltinModule === 'function';

/** Take a module of Node.js at run time. It is no import, so that no bundler looks for it when it builds a page. */
export const builtin = <Name extends keyof Builtins>(name: Name): Builtins[Name] =>
  process.getBuiltinModule(name) as Builtins[Name];
