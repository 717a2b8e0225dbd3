import { createRequire } from 'node:module';

/** The manifest is as far from the bundled command as from this file. */
const about = createRequire(import.meta.url)('../../package.json') as { readonly version: string };

/** The version of hbnn. */
export const ownVersion = about.version;
