import { type ComputedRef, computed, onBeforeUnmount, onMounted, reactive, ref, watch } from 'vue';
import { addressChanged, addressLeft } from './address.ts';

type Plain = string | number;

/** The values that a part of the state may have. */
export interface Allowed<V> {
  /** What an error says was expected. */
  readonly expected: string;
  allows(value: V): boolean;
}

export interface UrlState<T> {
  readonly choice: T;
  /** What the address asks for and does not get, in words, until the visitor chooses; else ''. */
  readonly refused: ComputedRef<string>;
}

/** Browsers let a page change its address about 100 times in 10 s: it waits for the visitor to rest, this long. */
const restMs = 200;

/**
 * What the visitor chose, kept in the address, so that it can be shared: only what differs from the start values and is
 * allowed. It is read when the playground opens and when the router comes to another address of the page.
 */
export function urlState<T extends Record<string, Plain>>(
  start: T,
  allowed: { readonly [K in keyof T]: Allowed<T[K]> },
): UrlState<T> {
  const choice = reactive({ ...start }) as T;
  const words = ref('');
  const asRead = ref('');
  let page = '';
  /** What the address asked for when it was last read or written. */
  let search: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function write(): void {
    clearTimeout(timer);
    timer = undefined;
    // After Back the address is another before it is read.
    if (pageOf(location.pathname) !== page || location.search !== search) return;
    writeAddress(start, choice, allowed);
    search = location.search;
  }
  function read(): void {
    // A link within the page changes nothing, and keeps what no address has.
    if (pageOf(location.pathname) !== page || location.search === search) return;
    clearTimeout(timer);
    timer = undefined;
    search = location.search;
    const found = readAddress(new URL(location.href).searchParams, start, allowed);
    Object.assign(choice, found.state);
    words.value = found.refused.join(' ');
    asRead.value = JSON.stringify(choice);
  }
  /** What was chosen a moment ago is in the address that Back comes to. */
  function leave(): void {
    if (timer !== undefined) write();
  }
  onMounted(() => {
    page = pageOf(location.pathname);
    read();
    window.addEventListener(addressChanged, read);
    window.addEventListener(addressLeft, leave);
    watch(choice, () => {
      clearTimeout(timer);
      timer = setTimeout(write, restMs);
    });
  });
  onBeforeUnmount(() => {
    clearTimeout(timer);
    window.removeEventListener(addressChanged, read);
    window.removeEventListener(addressLeft, leave);
  });
  const refused = computed(() => (JSON.stringify(choice) === asRead.value ? words.value : ''));
  return { choice, refused };
}

/** The site answers to a page's path with and without its ending. */
const pageOf = (path: string): string => path.replace(/\.html$/, '');

/** The state that an address asks for, and a sentence for each value that it asks for in vain. */
export function readAddress<T extends Record<string, Plain>>(
  asked: URLSearchParams,
  start: T,
  allowed: { readonly [K in keyof T]: Allowed<T[K]> },
): { readonly state: T; readonly refused: string[] } {
  const state: T = { ...start };
  const refused: string[] = [];
  for (const key of Object.keys(start) as (keyof T & string)[]) {
    const text = asked.get(key);
    if (text === null) continue;
    const number = text.trim() === '' ? Number.NaN : Number(text);
    const value = (typeof start[key] === 'number' ? number : text) as T[typeof key];
    if (allowed[key].allows(value)) state[key] = value;
    else {
      const came = text.length > 40 ? `${text.slice(0, 40)}…` : text;
      refused.push(
        `The address has ${key}=${came}: expected ${allowed[key].expected}; the page starts from ${start[key] === '' ? 'its own' : start[key]}.`,
      );
    }
  }
  return { state, refused };
}

function writeAddress<T extends Record<string, Plain>>(
  start: T,
  state: T,
  allowed: { readonly [K in keyof T]: Allowed<T[K]> },
): void {
  const url = new URL(location.href);
  for (const key of Object.keys(start) as (keyof T & string)[]) {
    if (state[key] === start[key] || !allowed[key].allows(state[key])) url.searchParams.delete(key);
    else url.searchParams.set(key, String(state[key]));
  }
  if (url.href !== location.href) history.replaceState(history.state, '', url);
}

/** One of some values. */
export const oneOf = <V extends Plain>(values: readonly V[]): Allowed<V> => ({
  expected: `one of ${values.join(', ')}`,
  allows: (value) => values.includes(value),
});

/** A number in a range. */
export const within = (min: number, max: number, whole = false): Allowed<number> => ({
  expected: `a ${whole ? 'whole ' : ''}number from ${min} to ${max}`,
  allows: (value) => value >= min && value <= max && (!whole || Number.isInteger(value)),
});
