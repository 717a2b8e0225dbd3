import { useWebBackend } from '@hbnn/train/web';
import loader from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.js';
import codeUrl from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm?url';
import { fetched } from './fetched.ts';

/** Start TensorFlow.js with this project's kernels. */
export async function startBackend(): Promise<void> {
  const url = new URL(codeUrl, self.location.href).href;
  const code = await fetched(url, (answer) => answer.arrayBuffer());
  await useWebBackend({ code: new Uint8Array(code), loader });
}
