import type { LayersModel } from '@tensorflow/tfjs-layers';
import { alexNetBn, alexNetFull, alexNetSmall } from './alexnetBn.ts';
import { fcn4 } from './fcn4.ts';
import { mobileNet, mobileNetFull, mobileNetSmall } from './mobileNet.ts';
import type { NetworkShape } from './network.ts';

/** The networks by name; `build` takes widths only where the network has a free choice of them. */
export const networks = {
  fcn4: {
    title: '4-layer fully convolutional network of §4.2',
    build: (shape: NetworkShape, widths?: readonly number[], pools?: readonly number[]) =>
      fcn4(shape, { widths, pools }),
  },
  'alexnet-bn': {
    title: 'AlexNet-BN, reduced for 28×28 and 32×32 images',
    build: (shape: NetworkShape) => alexNetBn(shape, alexNetSmall),
  },
  mobilenet: {
    title: 'MobileNet v1, reduced for 28×28 and 32×32 images',
    build: (shape: NetworkShape) => mobileNet(shape, mobileNetSmall),
  },
  'alexnet-bn-full': {
    title: 'AlexNet-BN at the paper’s size',
    build: (shape: NetworkShape) => alexNetBn(shape, alexNetFull),
  },
  'mobilenet-full': {
    title: 'MobileNet v1 1.0 at the paper’s size',
    build: (shape: NetworkShape) => mobileNet(shape, mobileNetFull),
  },
} as const satisfies Record<
  string,
  {
    title: string;
    build: (
      shape: NetworkShape,
      widths?: readonly number[],
      pools?: readonly number[],
    ) => LayersModel;
  }
>;

export type NetworkName = keyof typeof networks;
export const networkNames = Object.keys(networks) as NetworkName[];
