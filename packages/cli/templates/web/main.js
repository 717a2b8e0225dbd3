import { loadModel } from '@hbnn/wasm';

const canvas = document.querySelector('canvas');
const context = canvas.getContext('2d', { willReadFrequently: true });
const answers = document.querySelector('ol');
const about = document.querySelector('#about');

function clear() {
  context.fillStyle = 'black';
  context.fillRect(0, 0, canvas.width, canvas.height);
  answers.replaceChildren();
}
clear();
document.querySelector('button').addEventListener('click', clear);

try {
  const network = await loadModel(new URL('./network.hbnn', document.baseURI));
  about.textContent = `${network.classes.length} classes. Nothing you draw leaves this page.`;
  canvas.addEventListener('pointerdown', (event) => canvas.setPointerCapture(event.pointerId));
  for (const kind of ['pointerdown', 'pointermove'])
    canvas.addEventListener(kind, (event) => {
      if (event.buttons === 0) return;
      const scale = canvas.width / canvas.clientWidth;
      context.fillStyle = 'white';
      context.fillRect(event.offsetX * scale - 1, event.offsetY * scale - 1, 2, 2);
      const start = performance.now();
      const classes = network.classify(canvas, { top: 3 });
      const took = performance.now() - start;
      answers.replaceChildren(
        ...classes.map(({ name, probability }) => {
          const item = document.createElement('li');
          item.textContent = `${name} ${(100 * probability).toFixed(0)} %`;
          return item;
        }),
      );
      about.textContent = `${took.toFixed(2)} ms. Nothing you draw leaves this page.`;
    });
} catch (error) {
  about.textContent = `The network did not load: ${error.message}`;
}
