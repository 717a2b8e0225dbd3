/** Readers that are fuzzed, by the file in `readers` and how it is built. */
export const fuzzedReaders: Readonly<
  Record<string, { readonly file: string; readonly checksums?: false }>
> = {
  archive: { file: 'archive' },
  config: { file: 'config' },
  folds: { file: 'folds' },
  h5: { file: 'h5' },
  hbnn: { file: 'hbnn' },
  'hbnn-body': { file: 'hbnn', checksums: false },
  idx: { file: 'idx' },
  keras: { file: 'keras' },
  'keras-config': { file: 'kerasConfig' },
  liberty: { file: 'liberty' },
  npy: { file: 'npy' },
  onnx: { file: 'onnx' },
  picture: { file: 'picture' },
  'rtl-folder': { file: 'rtlFolder' },
  tfjs: { file: 'tfjs' },
  verilog: { file: 'verilog' },
};
