import { type BackendName, backendNames } from '../src/backend/names.ts';
import { useBackend } from '../src/backend/useBackend.ts';

/** The backends that start on this machine, and why the others do not. */
export const available: BackendName[] = [];
export const missing: { name: BackendName; reason: string }[] = [];

for (const name of backendNames) {
  try {
    await useBackend({ prefer: name });
    available.push(name);
  } catch (error) {
    missing.push({ name, reason: (error as Error).message });
  }
}
