// Removes what the steps have left, so that they begin again.
import { rmSync } from 'node:fs';

for (const made of ['runs', 'rtl', 'network.hbnn', 'network.hbnn.manifest.json', 'curves.html'])
  rmSync(new URL(made, import.meta.url), { recursive: true, force: true });
