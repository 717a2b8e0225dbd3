import { onMounted, reactive, watch } from 'vue';

type Plain = string | number;

/**
 * What the visitor chose, kept in the address, so that it can be shared: only what differs from the start values.
 * A value that the address has and `check` does not take is left out.
 */
export function urlState<T extends Record<string, Plain>>(
  start: T,
  check: { readonly [K in keyof T]: (value: T[K]) => boolean },
): T {
  const state = reactive({ ...start }) as T;
  onMounted(() => {
    for (const [key, value] of new URL(location.href).searchParams) {
      if (!(key in start)) continue;
      const typed = (typeof start[key] === 'number' ? Number(value) : value) as T[keyof T];
      if (check[key as keyof T](typed)) state[key as keyof T] = typed;
    }
    watch(state, () => write(start, state));
  });
  return state;
}

function write(start: Record<string, Plain>, state: Record<string, Plain>): void {
  const url = new URL(location.href);
  for (const [key, value] of Object.entries(state)) {
    if (value === start[key]) url.searchParams.delete(key);
    else url.searchParams.set(key, String(value));
  }
  history.replaceState(history.state, '', url);
}

/** A check that a value is one of some. */
export const oneOf =
  <V extends Plain>(values: readonly V[]) =>
  (value: V): boolean =>
    values.includes(value);

/** A check that a number is in a range. */
export const within =
  (min: number, max: number, whole = false) =>
  (value: number): boolean =>
    value >= min && value <= max && (!whole || Number.isInteger(value));
