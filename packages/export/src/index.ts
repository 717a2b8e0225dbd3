export { type COptions, type CProgram, exportC } from './c/exportC.ts';
export { exportOnnx, exportQonnx } from './onnx/exportOnnx.ts';
export { type ModelTensors, modelTensors } from './tensors/modelTensors.ts';
export { exportNpz } from './tensors/npz.ts';
export { exportSafetensors } from './tensors/safetensors.ts';
