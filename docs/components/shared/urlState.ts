import { type ComputedRef, computed, onBeforeUnmount, onMounted, reactive, ref, watch } from 'vue';
import { addressChanged, addressLeft, pageOf } from './address.ts';

type Plain = string | number;

/** The values that a part of the state may have. */
export interface Allowed<V> {
  /** What an error says was expected. */
  readonly expected: string;
  /** What the page starts from, in words, where the start value says little. */
  readonly start?: string;
  allows(value: V): boolean;
}

/** What else there is to say of a state. */
export interface UrlRules<T> {
  /** Where the key of a pair differs from its start value, the other part is not used: { mix: 'average' }. */
  readonly replaces?: { readonly [K in keyof T]?: keyof T & string };
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
  rules: UrlRules<T> = {},
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
    replaceAddress(withState(new URL(location.href), start, choice, allowed, rules));
    search = location.search;
  }
  function read(): void {
    // A link within the page changes nothing, and keeps what no address has.
    if (pageOf(location.pathname) !== page || location.search === search) return;
    clearTimeout(timer);
    timer = undefined;
    const url = new URL(location.href);
    const asked = new URLSearchParams(location.search);
    const found = readAddress(url.searchParams, start, allowed, rules);
    for (const key of found.unused) url.searchParams.delete(key);
    replaceAddress(url);
    search = location.search;
    for (const key of Object.keys(start) as (keyof T)[]) {
      // What no address has, such as a file of the visitor's, stays until an address names another.
      const isKept = !asked.has(String(key)) && !allowed[key].allows(choice[key]);
      if (!isKept) choice[key] = found.state[key];
    }
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

/** Keys that other sites and programs add to a link, to count visitors. */
const foreignKeys = /^(utm_|mc_|_g)|clid$|^ref$/;

/** Numbers as people write them; Number() also takes 0x2, 1e0 and blanks. */
const decimalNumber = /^-?(\d+(\.\d*)?|\.\d+)$/;

const shortened = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text);

/** The state that an address asks for, and a sentence for each value that it asks for in vain. */
export function readAddress<T extends Record<string, Plain>>(
  asked: URLSearchParams,
  start: T,
  allowed: { readonly [K in keyof T]: Allowed<T[K]> },
  { replaces = {} }: UrlRules<T> = {},
): { readonly state: T; readonly refused: string[]; readonly unused: string[] } {
  const state: T = { ...start };
  const refused: string[] = [];
  const unused: string[] = [];
  const keys = Object.keys(start) as (keyof T & string)[];
  for (const key of keys) {
    const texts = asked.getAll(key);
    if (texts.length === 0) continue;
    const { value, expected } =
      texts.length > 1
        ? { value: undefined, expected: `${key} once` }
        : readValue(texts[0], start[key], allowed[key]);
    if (value !== undefined) {
      state[key] = value;
      continue;
    }
    const came = texts.slice(0, 3).map((text) => `${key}=${shortened(text)}`);
    refused.push(
      `The address has ${listed(came, texts.length)}: expected ${expected}; the page starts from ${allowed[key].start ?? (start[key] === '' ? 'its own' : start[key])}.`,
    );
  }
  for (const key of keys) {
    const other = replaces[key];
    if (other === undefined || state[key] === start[key] || !asked.has(other)) continue;
    state[other] = start[other];
    unused.push(other);
    refused.push(
      `The address has both ${key} and ${other}: expected one of the two; the page uses ${key}=${shortened(String(state[key]))}.`,
    );
  }
  const unknown = [...new Set(asked.keys())].filter(
    (key) => !keys.includes(key) && !foreignKeys.test(key),
  );
  if (unknown.length > 0)
    refused.push(
      `The address has ${listed(unknown.slice(0, 3).map(shortened), unknown.length)}, which this page does not know: expected ${keys.slice(0, -1).join(', ')} or ${keys[keys.length - 1]}; the page ignores ${unknown.length === 1 ? 'it' : 'them'}.`,
    );
  return { state, refused, unused };
}

/** A value as the address has it; undefined where it is not allowed. */
function readValue<V extends Plain>(
  text: string,
  start: V,
  { allows, expected }: Allowed<V>,
): { readonly value?: V; readonly expected: string } {
  if (typeof start !== 'number')
    return { value: allows(text as V) ? (text as V) : undefined, expected };
  const number = (text.trim() === '' ? Number.NaN : Number(text)) as V;
  if (!allows(number)) return { expected };
  return decimalNumber.test(text)
    ? { value: number, expected }
    : { expected: `${expected} in decimal digits` };
}

/** Some names, and how many there are besides. */
function listed(names: readonly string[], count: number): string {
  const more = count - names.length;
  const all = more > 0 ? [...names, `${more.toLocaleString('en')} more`] : names;
  return all.length === 1 ? all[0] : `${all.slice(0, -1).join(', ')} and ${all[all.length - 1]}`;
}

/** An address with what of a state differs from the start, is allowed and used. */
export function withState<T extends Record<string, Plain>>(
  address: URL,
  start: T,
  state: T,
  allowed: { readonly [K in keyof T]: Allowed<T[K]> },
  { replaces = {} }: UrlRules<T> = {},
): URL {
  const url = new URL(address);
  const keys = Object.keys(start) as (keyof T & string)[];
  const unused = new Set(
    keys.filter((key) => state[key] !== start[key]).map((key) => replaces[key]),
  );
  for (const key of keys) {
    const value = state[key];
    if (value === start[key] || unused.has(key) || !allowed[key].allows(value))
      url.searchParams.delete(key);
    else url.searchParams.set(key, typeof value === 'number' ? decimal(value) : value);
  }
  return url;
}

/** A number without an exponent, as addresses are read: 0.0000001. */
function decimal(value: number): string {
  const text = String(value);
  return decimalNumber.test(text)
    ? text
    : value.toLocaleString('en', { useGrouping: false, maximumFractionDigits: 20 });
}

function replaceAddress(url: URL): void {
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
