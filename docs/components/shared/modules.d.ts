declare module '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.js' {
  const loader: import('@hbnn/train/web').EmscriptenFactory;
  export default loader;
}
declare module '*?url' {
  const url: string;
  export default url;
}
declare module '*?worker' {
  const make: new () => Worker;
  export default make;
}
declare module '*.vue' {
  const component: import('vue').Component;
  export default component;
}
declare module '*.css';

declare module '*.svg' {
  const url: string;
  export default url;
}
