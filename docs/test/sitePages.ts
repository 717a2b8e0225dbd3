import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { type Served, serve } from './serve.ts';

export const docs = fileURLToPath(new URL('..', import.meta.url));
/** The built site. */
export const dist = join(docs, '.vitepress', 'dist');
export const base = process.env.DOCS_BASE ?? '/hbnn/';

/** A page of the site in a browser. */
export interface Opened {
  readonly page: Page;
  /** Errors of the page so far, and requests to other places. */
  readonly problems: string[];
  /** Bytes that the server sent for it, its workers' too. */
  bytes(): number;
}

export interface OpenOptions {
  readonly width?: number;
  readonly dark?: boolean;
  /** With a touch screen. */
  readonly touch?: boolean;
  readonly bypassPolicy?: boolean;
  readonly javaScriptEnabled?: boolean;
}

/** The built site, served, and a Chromium to look at it. */
export interface Site {
  readonly url: string;
  open(path: string, o?: OpenOptions): Promise<Opened>;
  end(): Promise<void>;
}

/** Debian's Chromium, or the one that CHROMIUM names. */
export async function openChromium(): Promise<Browser> {
  const executablePath =
    process.env.CHROMIUM ??
    ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
  if (executablePath === undefined || !existsSync(executablePath))
    throw new Error(
      'docs:test: expected a Chromium, found none; install one or give CHROMIUM=PATH',
    );
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}

export async function startSite(): Promise<Site> {
  const browser = await openChromium();
  const served = await serve(dist, base);
  return {
    url: served.url,
    open: (path, o = {}) => openPage(browser, served, path, o),
    async end() {
      await browser.close();
      served.server.close();
    },
  };
}

async function openPage(
  browser: Browser,
  served: Served,
  path: string,
  o: OpenOptions,
): Promise<Opened> {
  const context = await browser.newContext({
    viewport: { width: o.width ?? 1280, height: 900 },
    colorScheme: o.dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    hasTouch: o.touch ?? false,
    acceptDownloads: true,
    // Code that a test brings is text that a page may not run.
    bypassCSP: o.bypassPolicy ?? false,
    javaScriptEnabled: o.javaScriptEnabled ?? true,
  });
  const page = await context.newPage();
  const problems: string[] = [];
  const before = served.sent();
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(served.url) && !/^(data|blob):/.test(request.url()))
      problems.push(`asks outside for ${request.url()}`);
  });
  await page.goto(served.url + path, { waitUntil: 'networkidle' });
  return { page, problems, bytes: () => served.sent() - before };
}

export const close = ({ page }: Opened): Promise<void> => page.context().close();
