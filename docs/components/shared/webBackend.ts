import { useWebBackend } from '@hbnn/train/web';
import loader from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.js';
import codeUrl from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm?url';

/** Start TensorFlow.js with this project's kernels. */
export async function startBackend(): Promise<void> {
  const answer = await fetch(new URL(codeUrl, self.location.href));
  if (!answer.ok) throw new Error(`${codeUrl}: the server answers ${answer.status}`);
  await useWebBackend({ code: new Uint8Array(await answer.arrayBuffer()), loader });
}
