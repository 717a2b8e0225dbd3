import type { LayersModel } from '@tensorflow/tfjs-layers';
import { alexNetBn, alexNetFull, alexNetSmall } from './alexnetBn.ts';
import { fcn4 } from './fcn4.ts';
import { mobileNet, mobileNetFull, mobileNetSmall } from './mobileNet.ts';
import { mobileNetV2, mobileNetV2Full, mobileNetV2Small } from './mobileNetV2.ts';
import type { NetworkShape } from './network.ts';
import { resNet, resNet8, resNet18Full, resNet18Small } from './resNet.ts';
import { vgg8, vgg8Full, vgg8Small } from './vgg8.ts';

/** The networks by name; `build` takes widths only where the network has a free choice of them. */
export const networks = {
  fcn4: {
    title: '4-layer fully convolutional network of §4.2',
    input: [32, 32, 3],
    classes: 10,
    build: (shape: NetworkShape, widths?: readonly number[], pools?: readonly number[]) =>
      fcn4(shape, { widths, pools }),
  },
  'alexnet-bn': {
    title: 'AlexNet-BN, reduced for 28×28 and 32×32 images',
    input: [32, 32, 3],
    classes: 10,
    build: (shape: NetworkShape) => alexNetBn(shape, alexNetSmall),
  },
  mobilenet: {
    title: 'MobileNet v1, reduced for 28×28 and 32×32 images',
    input: [32, 32, 3],
    classes: 10,
    build: (shape: NetworkShape) => mobileNet(shape, mobileNetSmall),
  },
  mobilenetv2: {
    title: 'MobileNetV2, reduced for 28×28 and 32×32 images',
    input: [32, 32, 3],
    classes: 10,
    build: (shape: NetworkShape) => mobileNetV2(shape, mobileNetV2Small),
  },
  resnet8: {
    title: 'ResNet-8 of MLPerf Tiny',
    input: [32, 32, 3],
    classes: 10,
    build: (shape: NetworkShape) => resNet(shape, resNet8),
  },
  resnet18: {
    title: 'ResNet-18, reduced for 28×28 and 32×32 images',
    input: [32, 32, 3],
    classes: 10,
    build: (shape: NetworkShape) => resNet(shape, resNet18Small),
  },
  vgg8: {
    title: 'VGG-8 of Table 2 (FINN’s CNV), reduced',
    input: [32, 32, 3],
    classes: 10,
    build: (shape: NetworkShape) => vgg8(shape, vgg8Small),
  },
  'alexnet-bn-full': {
    title: 'AlexNet-BN at the paper’s size',
    input: [224, 224, 3],
    classes: 1000,
    build: (shape: NetworkShape) => alexNetBn(shape, alexNetFull),
  },
  'mobilenet-full': {
    title: 'MobileNet v1 1.0 at the paper’s size',
    input: [224, 224, 3],
    classes: 1000,
    build: (shape: NetworkShape) => mobileNet(shape, mobileNetFull),
  },
  'mobilenetv2-full': {
    title: 'MobileNetV2 1.0 at 224 × 224 pixels',
    input: [224, 224, 3],
    classes: 1000,
    build: (shape: NetworkShape) => mobileNetV2(shape, mobileNetV2Full),
  },
  'resnet18-full': {
    title: 'ResNet-18 at 224 × 224 pixels',
    input: [224, 224, 3],
    classes: 1000,
    build: (shape: NetworkShape) => resNet(shape, resNet18Full),
  },
  'vgg8-full': {
    title: 'VGG-8 of Table 2 at FINN’s size',
    input: [32, 32, 3],
    classes: 10,
    build: (shape: NetworkShape) => vgg8(shape, vgg8Full),
  },
} as const satisfies Record<
  string,
  {
    title: string;
    /** Image shape and classes it is made for; it can be built for others. */
    input: readonly [number, number, number];
    classes: number;
    build: (
      shape: NetworkShape,
      widths?: readonly number[],
      pools?: readonly number[],
    ) => LayersModel;
  }
>;

export type NetworkName = keyof typeof networks;
export const networkNames = Object.keys(networks) as NetworkName[];

/** Whether a network's channels can be multiplied; those of fcn4 are given one by one. */
export const takesWidthMultiplier = (name: NetworkName): boolean => name !== 'fcn4';
