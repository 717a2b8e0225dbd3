export { type OptimalOptions, optimal } from './optimal.ts';
