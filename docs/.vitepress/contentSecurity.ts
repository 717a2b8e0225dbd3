import { createHash } from 'node:crypto';

/**
 * What pages may load: files of the site alone. Inline scripts are those of the build, by their digest; WebAssembly may be
 * compiled, text may not be run as code. Styles may be inline, as drawings have them. `connect-src` has `data:` for the
 * WebAssembly that lies in scripts.
 */
const directives: Readonly<Record<string, string>> = {
  'default-src': "'self'",
  'script-src': "'self' 'wasm-unsafe-eval'",
  'worker-src': "'self' blob:",
  'style-src': "'self' 'unsafe-inline'",
  'img-src': "'self' data: blob:",
  'font-src': "'self' data:",
  'connect-src': "'self' data: blob:",
  'object-src': "'none'",
  'base-uri': "'none'",
  'form-action': "'none'",
};

const inlineScript = /<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g;

/** A page with its content security policy, which a file server without headers of its own cannot send. */
export function withPolicy(html: string): string {
  const digests = [...html.matchAll(inlineScript)].map(
    ([, text]) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`,
  );
  const policy = Object.entries(directives)
    .map(([name, sources]) =>
      [name, sources, ...(name === 'script-src' ? new Set(digests) : [])].join(' '),
    )
    .join('; ');
  const meta = `<meta http-equiv="Content-Security-Policy" content="${policy}">`;
  // Before everything that it is to hold for, behind the encoding alone.
  return html.replace(/(<meta charset="utf-8">)/, `$1\n    ${meta}`);
}
