import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { close, type Opened, type OpenOptions, type Site, startSite } from './sitePages.ts';

/** A test's time, and that of what takes long on a busy machine. */
export const timeout = 120_000;
export const patient = { timeout: 60_000 };

/** Run a test on a playground, which must end without errors but those of the network that it cuts off. */
async function onPlayground(
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

interface ServedPlaygrounds {
  readonly on: (
    path: string,
    act: (page: Page, opened: Opened) => Promise<void>,
    o?: OpenOptions,
  ) => Promise<void>;
  readonly siteUrl: () => string;
}

/** Serve the built site as long as the tests of a file run. */
export function servedPlaygrounds(): ServedPlaygrounds {
  let site: Site;
  beforeAll(async () => {
    site = await startSite();
  }, 60_000);
  afterAll(() => site?.end());
  return { on: (path, act, o) => onPlayground(site, path, act, o), siteUrl: () => site.url };
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
