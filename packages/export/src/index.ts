export { type COptions, type CProgram, exportC } from './c/exportC.ts';
