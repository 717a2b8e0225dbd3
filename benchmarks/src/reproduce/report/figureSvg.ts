import { escapeHtml } from '@hbnn/cli/drawing';

/** A picture's tag with its attributes, but for those that name its parts to a screen reader. */
const withoutRoles = (tag: string): string => tag.replaceAll(/ (?:role|aria-[a-z]+)="[^"]*"/g, '');

/**
 * Make a picture that Vega drew one image with one name. Vega gives roles to the marks and groups inside a picture, and
 * many of them have no name, so a screen reader would read a list of nameless images.
 */
export const namedSvg = (svg: string, name: string): string =>
  svg
    .replaceAll(/<[a-z][^>]*>/gi, withoutRoles)
    .replace('<svg ', `<svg role="img" aria-label="${escapeHtml(name)}" `);
