import { HbnnError, suggestion } from '@hbnn/core';

/** An error that names a layer whose kind nothing here knows. */
export function unknownKind(layer: never, kinds: readonly string[], wayOut: string): HbnnError {
  const { name, kind } = layer as { readonly name?: unknown; readonly kind?: unknown };
  return new HbnnError(
    `layer '${name}': expected one of the kinds ${kinds.join(', ')}, got '${kind}'; ${wayOut}${suggestion(String(kind), kinds)}`,
  );
}
