import { mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkFiles } from './imageFiles.ts';

it('a link that leads nowhere is a bad file', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'hbnn-files-')), 'dead.png');
  symlinkSync('nowhere.png', file);
  expect((await checkFiles([file])).bad).toEqual([{ file, why: 'a link to nothing' }]);
});
