"""Scores of an integer model from what `hbnn dump` writes, with numpy alone.

Written from docs/reference/integer-layers.md, by nothing else of this project: an independent judge of the interpreter.
64-bit integers throughout, many images at once, [images, height, width, channels].
"""

import json
import os

import numpy as np


def scores(folder, pixels):
    """int64 [images, scores] of uint8 [images, height, width, channels]."""
    with open(os.path.join(folder, "model.json"), encoding="utf-8") as file:
        model = json.load(file)

    def tensor(name):
        return np.load(os.path.join(folder, name)).astype(np.int64)

    x = pixels.astype(np.int64) - tensor(model["input"]["zeros"])
    outputs = {}
    for layer in model["layers"]:
        inputs = [outputs[name] for name in layer["inputs"]] if "inputs" in layer else [x]
        if layer["kind"] in JOINS:
            x = JOINS[layer["kind"]](layer, inputs, tensor)
        else:
            x = LAYERS[layer["kind"]](layer, inputs[0], tensor)
        expected = tuple(layer["output"])
        assert x.shape[1:] == expected, (layer["name"], x.shape, expected)
        outputs[layer["name"]] = x
    return x.reshape(len(pixels), -1) + tensor(model["scoreOffsets"])


def windows(layer, x, size, filler):
    """[images, rows, columns, kernelH, kernelW, channels] of a padded input."""
    top, left, bottom, right = layer.get("padding", [0, 0, 0, 0])
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=filler)
    (kh, kw), (sh, sw) = size, layer["strides"]
    rows = (padded.shape[1] - kh) // sh + 1
    columns = (padded.shape[2] - kw) // sw + 1
    out = np.empty((len(x), rows, columns, kh, kw, x.shape[3]), np.int64)
    for i in range(rows):
        for j in range(columns):
            out[:, i, j] = padded[:, i * sh : i * sh + kh, j * sw : j * sw + kw]
    return out


def weights_of(layer, tensor):
    """The whole weights, and that their parts come to the same."""
    w = tensor(layer["weights"])
    if layer["weightKind"] == "planes":
        bits, signs = tensor(layer["bits"]), tensor(layer["signs"])
        multiples = tensor(layer["multiples"])
        total = np.zeros_like(w)
        for n in range(len(multiples)):
            k = multiples[n].reshape((-1,) + (1,) * (w.ndim - 1))
            total += np.where(bits > n, np.where((signs >> n) & 1 == 1, k, -k), 0)
        assert (total == w).all(), layer["name"]
    return w


def conv(layer, x, tensor):
    w = weights_of(layer, tensor)
    return np.einsum("nyxijc,oijc->nyxo", windows(layer, x, w.shape[1:3], 0), w)


def depthwise(layer, x, tensor):
    w = weights_of(layer, tensor)[..., 0]
    channel = np.arange(len(w)) // (len(w) // x.shape[3])
    return np.einsum("nyxijo,oij->nyxo", windows(layer, x, w.shape[1:3], 0)[..., channel], w)


def dense(layer, x, tensor):
    return (x.reshape(len(x), -1) @ weights_of(layer, tensor).T).reshape(len(x), 1, 1, -1)


def max_pool(layer, x, tensor):
    return windows(layer, x, layer["size"], np.iinfo(np.int64).min).max((3, 4))


def sum_pool(layer, x, tensor):
    return windows(layer, x, layer["size"], 0).sum((3, 4))


def threshold(layer, x, tensor):
    bits, multiples = tensor(layer["bits"]), tensor(layer["multiples"])
    thresholds, flips = tensor(layer["thresholds"]), tensor(layer["flips"])
    channels = np.broadcast_to(np.arange(x.shape[3]), x.shape)
    node, value = np.ones_like(x), np.zeros_like(x)
    for n, k in enumerate(multiples):
        member = np.broadcast_to(bits > n, x.shape)
        limit = thresholds[channels, np.where(member, node, 1) - 1]
        bit = (x >= limit) ^ (flips == 1)
        value += np.where(member, np.where(bit, k, -k), 0)
        node = np.where(member, 2 * node + bit, node)
    return value


def requantize(layer, x, tensor):
    scaled = x * tensor(layer["multipliers"]) + tensor(layer["offsets"])
    return np.clip(scaled >> tensor(layer["shifts"]), layer["minimum"], layer["maximum"])


def add(layer, inputs, tensor):
    return sum(x * multipliers for x, multipliers in zip(inputs, tensor(layer["multipliers"])))


def concat(layer, inputs, tensor):
    return np.concatenate(inputs, axis=3)


JOINS = {"add": add, "concat": concat}

LAYERS = {
    "conv": conv,
    "depthwise": depthwise,
    "dense": dense,
    "maxPool": max_pool,
    "sumPool": sum_pool,
    "threshold": threshold,
    "requantize": requantize,
}
