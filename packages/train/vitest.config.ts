import { existsSync } from 'node:fs';

export { default } from '../../vitest.shared.ts';

// A GPU in software for the tests of the webgpu backend, where no other driver is named: SwiftShader, as
// Debian's chromium brings it, with its Vulkan loader. Set here, because a loader is found by the environment
// that a process starts with; tests run in processes of their own.
const chromium = '/usr/lib/chromium';
const driver = `${chromium}/vk_swiftshader_icd.json`;
if (!process.env.VK_ICD_FILENAMES && !process.env.VK_DRIVER_FILES && existsSync(driver)) {
  process.env.VK_ICD_FILENAMES = driver;
  process.env.LD_LIBRARY_PATH = [process.env.LD_LIBRARY_PATH, chromium].filter(Boolean).join(':');
}
