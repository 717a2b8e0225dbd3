import { readFileSync } from 'node:fs';
import { HbnnError } from '@hbnn/core';
import { unreadable } from './unreadable.ts';

/**
 * Read a file of text.
 *
 * @param wayOut what to do where it cannot be read
 * @param place what errors call the file: `--fold: folds.json`
 * @throws HbnnError where it is missing, or its bytes are no text
 */
export function readText(file: string, wayOut?: string, place = file): string {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw unreadable(place, error, wayOut);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new HbnnError(
      `${place}: expected text, got ${bytes.length} bytes that are none; ${wayOut ?? 'name a file of text'}`,
    );
  }
}

/** Read JSON. @throws HbnnError where a text is none */
export function parsedJson(text: string, place: string, wayOut: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new HbnnError(`${place}: is not JSON (${(error as Error).message}); ${wayOut}`);
  }
}
