"""Make small Keras networks with random weights in both file formats, and the outputs that Keras computes for them.

python -m venv venv && venv/bin/pip install keras==3.15.1 jax==0.10.2 h5py==3.16.0
KERAS_BACKEND=jax venv/bin/python scripts/kerasNetworks.py test/golden/keras
"""

import json
import pathlib
import sys

import keras
import numpy as np
from keras import layers as L

rng = np.random.default_rng(11)


def vgg():
    return keras.Sequential([
        keras.Input((12, 12, 3)),
        L.Conv2D(6, 3, padding="same", activation="relu"),
        L.Conv2D(6, 3, padding="same", use_bias=False),
        L.BatchNormalization(),
        L.ReLU(),
        L.MaxPooling2D(),
        L.Dropout(0.3),
        L.Conv2D(8, 3, strides=2),
        L.LeakyReLU(negative_slope=0.1),
        L.Flatten(),
        L.Dense(10, activation="tanh"),
        L.Dense(4, activation="softmax"),
    ], name="vgg")


def resnet():
    x = images = keras.Input((20, 14, 3))
    x = L.Rescaling(1 / 127.5, offset=-1)(x)
    x = L.ZeroPadding2D(((1, 2), (3, 0)))(x)
    x = L.ReLU()(L.BatchNormalization(scale=False, epsilon=1e-5)(L.Conv2D(6, (3, 5), strides=2, use_bias=False)(x)))
    y = L.Conv2D(6, 3, padding="same")(x)
    x = L.Activation("relu")(L.Add()([x, L.BatchNormalization(center=False)(y)]))
    x = L.Concatenate()([L.MaxPooling2D(2, padding="same")(x), L.AveragePooling2D(2, padding="same")(x)])
    x = L.GlobalAveragePooling2D()(x)
    return keras.Model(images, L.Dense(5)(x), name="resnet")


def mobilenet():
    x = images = keras.Input((16, 16, 3))
    x = L.ReLU(6.0)(L.BatchNormalization()(L.Conv2D(6, 3, strides=2, padding="same")(x)))
    y = L.ReLU(6.0)(L.DepthwiseConv2D(3, padding="same")(x))
    y = L.Conv2D(6, 1, use_bias=False)(y)
    x = L.Add()([x, y])
    x = L.DepthwiseConv2D(3, strides=2, depth_multiplier=2, padding="same", use_bias=False)(x)
    x = L.SeparableConv2D(8, 3, activation="relu")(x)
    x = L.GlobalAveragePooling2D(keepdims=True)(x)
    x = L.Conv2D(5, 1)(x)
    x = L.Reshape((5,))(x)
    return keras.Model(images, L.Softmax()(x), name="mobilenet")


def groups():
    x = images = keras.Input((9, 11, 4))
    x = L.Conv2D(8, 3, groups=2, activation="relu")(x)
    x = L.Conv2D(8, 3, dilation_rate=2, padding="same", activation="relu")(x)
    x = L.DepthwiseConv2D(3, dilation_rate=2, padding="same")(x)
    x = L.Permute((2, 1, 3))(x)
    x = L.GlobalMaxPooling2D()(x)
    return keras.Model(images, L.Dense(3, activation="sigmoid")(x), name="groups")


def nested():
    """Models inside a model, as networks that were trained before are used in others."""
    x = images = keras.Input((12, 10, 3))
    y = L.Conv2D(4, 3, padding="same", name="first")(x)
    x = L.Add()([y, L.Conv2D(4, 1, name="second")(x)])
    features = keras.Model(images, x, name="features")
    head = keras.Sequential([keras.Input((12, 10, 4)), L.BatchNormalization(), L.ELU(), L.MaxPooling2D()], name="head")
    x = images = keras.Input((12, 10, 3))
    x = L.Normalization(mean=[0.4, 0.5, 0.6], variance=[0.05, 0.06, 0.07])(L.RandomFlip()(x))
    x = head(features(x))
    x = L.Concatenate()([L.Identity()(x), L.Conv2D(3, 1, activation="silu", name="first")(x)])
    return keras.Model(images, L.Dense(3)(L.Flatten()(x)), name="nested")


def adapted():
    images = keras.Input((8, 8, 3))
    norm = L.Normalization()
    norm.adapt(rng.normal(size=(40, 8, 8, 3)).astype(np.float32) * 3 + 1)
    return keras.Model(images, L.Dense(2)(L.Flatten()(L.Conv2D(4, 3)(norm(images)))), name="adapted")


def activated():
    """Activations inside layers, by names and as objects."""
    x = images = keras.Input((9, 10, 3))
    x = L.Conv2D(6, 3, activation="hard_silu")(x)
    x = L.AveragePooling2D(3, strides=1, padding="same")(x)
    x = L.DepthwiseConv2D(3, activation=L.ReLU(max_value=6.0))(x)
    x = L.SeparableConv2D(7, 2, activation=L.LeakyReLU(negative_slope=0.15))(x)
    x = L.Conv2D(5, 1, activation="leaky_relu")(x)
    x = L.Activation("hard_sigmoid")(x)
    x = L.Conv2D(6, 1, activation="relu6")(x)
    x = L.Flatten()(x)
    x = L.Dense(8, activation=keras.activations.hard_sigmoid)(x)
    return keras.Model(images, L.Dense(4, activation=L.Softmax())(x), name="activated")


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for make in (vgg, resnet, mobilenet, groups, nested, adapted, activated):
        model = make()
        kept = {id(v) for layer in model.layers if isinstance(layer, L.Normalization) for v in layer.weights}
        model.set_weights([
            w if id(v) in kept else
            (rng.uniform(0.5, 2, w.shape) if "variance" in v.path else rng.normal(size=w.shape) * 0.4).astype(np.float32)
            for v, w in zip(model.weights, model.get_weights())
        ])
        model.save(folder / f"{model.name}.keras")
        model.save(folder / f"{model.name}.h5")
        images = rng.normal(size=(2, *model.input_shape[1:])).astype(np.float32)
        result = np.asarray(model(images, training=False))
        floats = lambda a: [float(f"{v:.7g}") for v in a.ravel()]
        expected = {"images": {"shape": images.shape, "data": floats(images)},
                    "outputs": [{"shape": result.shape, "data": floats(result)}]}
        (folder / f"{model.name}.json").write_text(json.dumps(expected) + "\n")


main(pathlib.Path(sys.argv[1]))
