// The network in your own code: a picture of 28 x 28 pixels in, the likeliest classes out.
import { loadModel } from '{{wasm}}';

const network = await loadModel(new URL('network.hbnn', import.meta.url));
// A white square on black.
const pixels = new Uint8Array(28 * 28);
for (let y = 8; y < 20; y++) pixels.fill(255, 28 * y + 8, 28 * y + 20);
for (const { name, probability } of network.classify(pixels, { top: 3 }))
  console.log(`${(100 * probability).toFixed(1).padStart(5)} %  ${name}`);
