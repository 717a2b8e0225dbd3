"""The networks of `pnpm bench:kernels` as 8-bit .tflite files, for LiteRT.js.

    python3 -m pip install tensorflow-cpu==2.21.0
    python3 benchmarks/peers/litert_models.py benchmarks/peers/litert [BATCH ...]

Writes NETWORK-BATCH.tflite for batches of 1 and 8 images unless others are given. Weights are random; batch norm is
folded and ReLU fused by the converter. Weights and feature maps have 8 bits, inputs and scores are float32.
"""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

layers = tf.keras.layers

MOBILENET_BLOCKS = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5 + [(1024, 2), (1024, 1)]


def activated(x):
    return layers.ReLU()(layers.BatchNormalization()(x))


def conv(x, outputs, size, stride=1, padding=((0, 0), (0, 0))):
    if padding != ((0, 0), (0, 0)):
        x = layers.ZeroPadding2D(padding)(x)
    return layers.Conv2D(outputs, size, stride, use_bias=False)(x)


def alexnet(batch):
    pixels = x = layers.Input((224, 224, 3), batch)
    x = activated(layers.MaxPool2D(3, 2)(conv(x, 96, 11, 4, ((4, 3), (4, 3)))))
    x = activated(layers.MaxPool2D(3, 2)(conv(x, 256, 5, 1, ((2, 2), (2, 2)))))
    x = activated(conv(x, 384, 3, 1, ((1, 1), (1, 1))))
    x = activated(conv(x, 384, 3, 1, ((1, 1), (1, 1))))
    x = activated(layers.MaxPool2D(3, 2)(conv(x, 256, 3, 1, ((1, 1), (1, 1)))))
    x = layers.Flatten()(x)
    for _ in range(2):
        x = activated(layers.Dense(4096, use_bias=False)(x))
    return tf.keras.Model(pixels, layers.Dense(1000)(x))


def mobilenet(batch):
    pixels = x = layers.Input((224, 224, 3), batch)
    x = activated(conv(x, 32, 3, 2, ((0, 1), (0, 1))))
    for outputs, stride in MOBILENET_BLOCKS:
        padding = ((0, 1), (0, 1)) if stride == 2 else ((1, 1), (1, 1))
        x = layers.ZeroPadding2D(padding)(x)
        x = activated(layers.DepthwiseConv2D(3, stride, use_bias=False)(x))
        x = activated(layers.Conv2D(outputs, 1, use_bias=False)(x))
    x = layers.GlobalAveragePooling2D()(x)
    return tf.keras.Model(pixels, layers.Dense(1000)(x))


def vgg8(batch):
    pixels = x = layers.Input((32, 32, 3), batch)
    for outputs, pooled in [(64, False), (64, True), (128, False), (128, True), (256, False), (256, False)]:
        x = conv(x, outputs, 3)
        x = activated(layers.MaxPool2D(2)(x) if pooled else x)
    x = layers.Flatten()(x)
    for _ in range(2):
        x = activated(layers.Dense(512, use_bias=False)(x))
    return tf.keras.Model(pixels, layers.Dense(10)(x))


def int8_file(model):
    noise = np.random.default_rng(1)
    shape = model.inputs[0].shape

    def samples():
        for _ in range(4):
            yield [noise.uniform(0, 255, shape).astype(np.float32)]

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = samples
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return converter.convert()


def main() -> None:
    to = Path(sys.argv[1])
    to.mkdir(parents=True, exist_ok=True)
    for batch in [int(text) for text in sys.argv[2:]] or [1, 8]:
        for network in [alexnet, mobilenet, vgg8]:
            tf.keras.utils.set_random_seed(1)
            file = to / f"{network.__name__}-{batch}.tflite"
            file.write_bytes(int8_file(network(batch)))
            print(file)


if __name__ == "__main__":
    main()
