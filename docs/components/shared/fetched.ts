import { HbnnError } from '@hbnn/core';
import { isOffline } from './offline.ts';

/**
 * Fetch a file of the site and read it.
 *
 * @throws HbnnError which names the file, says why it did not come and what to do
 */
export async function fetched<T>(url: string, read: (answer: Response) => Promise<T>): Promise<T> {
  const name = url.replace(/^.*\//, '');
  let status: number | undefined;
  try {
    const answer = await fetch(url);
    if (answer.ok) return await read(answer);
    status = answer.status;
  } catch (error) {
    const came = isOffline()
      ? `the browser is offline and did not get ${name}`
      : `the file ${name} did not come (${error instanceof Error ? error.message : error})`;
    throw new HbnnError(`${came}; check the connection and try again`);
  }
  throw new HbnnError(`the server answers ${status} for ${name}; try again later`);
}

/** Why something could not be loaded: what `fetched` said, or what a script that did not come gives as its reason. */
export function loadingFault(error: unknown): string {
  if (error instanceof HbnnError) return error.message;
  if (isOffline()) return 'the browser is offline; check the connection and try again';
  return error instanceof Error ? error.message : String(error);
}
