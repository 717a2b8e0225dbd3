import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import { close, type Opened, type OpenOptions, type Site } from './sitePages.ts';

/** A test's time, and that of what takes long on a busy machine. */
export const timeout = 120_000;
export const patient = { timeout: 60_000 };

/** Run a test on a playground, which must end without errors but those of the network that it cuts off. */
export async function onPlayground(
  site: Site,
  path: string,
  act: (page: Page, opened: Opened) => Promise<void>,
  o: OpenOptions = {},
): Promise<void> {
  const opened = await site.open(`playground/${path}`, o);
  await act(opened.page, opened);
  expect(opened.problems.filter((text) => !text.includes('ERR_INTERNET_DISCONNECTED'))).toEqual([]);
  await close(opened);
}

export const offline = (page: Page, off: boolean): Promise<void> => page.context().setOffline(off);
/** The first thing that the page says is wrong. */
export const problem = (page: Page): Promise<string> =>
  page.locator('.problem').first().innerText();
export const query = (page: Page): string => decodeURIComponent(new URL(page.url()).search);
export const button = (page: Page, name: string): Locator =>
  page.locator('.playground button', { hasText: name });
/** Expect something that comes in time. */
export const eventually = (read: () => unknown): ReturnType<typeof expect.poll> =>
  expect.poll(read, patient);
