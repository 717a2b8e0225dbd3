"""Make small ONNX networks whose weights are quantized, with their whole numbers, and the outputs of onnxruntime.

python -m venv venv && venv/bin/pip install onnx==1.23.2 onnxruntime==1.32.0
venv/bin/python scripts/quantizedNetworks.py test/golden/quantized

onnxruntime knows no operators of QONNX: it runs the same network with the values that they stand for as floats.
"""

import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(11)
mean, deviation = np.float32([0.5, 0.4, 0.3]), np.float32([0.25, 0.2, 0.3])


class Net:
    """Collects nodes twice: with quantizers, and with the weights that these stand for."""

    def __init__(self, name, opset, shape):
        self.name, self.opset, self.shape = name, opset, shape
        self.nodes, self.weights, self.codes = [], [], {}
        self.plain, self.values = [], []

    def weight(self, array, both=True):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        if both:
            self.values.append(self.weights[-1])
        return name

    def node(self, kind, *inputs, name=None, **attributes):
        out = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [out], name=name or f"{kind.lower()}{len(self.nodes)}", **attributes))
        self.plain.append(self.nodes[-1])
        return out

    def quantized(self, make, codes, scale):
        """A value that nodes with quantizers give in one network, and a constant in the other."""
        out = f"q{len(self.nodes)}"
        for kind, inputs, attributes in make:
            at = out if kind == make[-1][0] else f"{out}_{kind}"
            self.nodes.append(helper.make_node(kind, [out + i[1:] if i.startswith("@") else i for i in inputs], [at], **attributes))
        self.values.append(numpy_helper.from_array((codes * scale).astype(np.float32), out))
        return out

    def linear(self, codes, scales, axis=0):
        """Whole numbers of 8 bits, as onnxruntime's quantizer stores them."""
        shape = [-1 if i == axis else 1 for i in range(codes.ndim)]
        scale = np.float32(scales)
        zero = self.weight(np.zeros(scale.shape, np.int8), False)
        inputs = [self.weight(codes.astype(np.int8), False), self.weight(scale, False), zero]
        attributes = {"axis": axis} if scale.ndim else {}
        return self.quantized([("DequantizeLinear", inputs, attributes)], codes, scale.reshape(shape) if scale.ndim else scale)

    def asymmetric(self, codes, scales, zero, axis=0):
        """uint8 around a zero point: whole numbers of up to 255 either way."""
        shape = [-1 if i == axis else 1 for i in range(codes.ndim)]
        scale = np.float32(scales)
        stored = self.weight((codes + zero).astype(np.uint8), False)
        inputs = [stored, self.weight(scale, False), self.weight(np.full(len(scale), zero, np.uint8), False)]
        return self.quantized([("DequantizeLinear", inputs, {"axis": axis})], codes, scale.reshape(shape))

    def trained(self, codes, scales, axis=0):
        """Floats between whole numbers, as PyTorch's training with quantizers exports them."""
        shape = [-1 if i == axis else 1 for i in range(codes.ndim)]
        scale = np.float32(scales).reshape(shape)
        floats = ((codes + rng.uniform(-0.4, 0.4, codes.shape)) * scale).astype(np.float32)
        per = [self.weight(np.float32(scales), False), self.weight(np.zeros(len(scales), np.int8), False)]
        make = [("QuantizeLinear", [self.weight(floats, False), *per], {"axis": axis}),
                ("DequantizeLinear", ["@_QuantizeLinear", *per], {"axis": axis})]
        return self.quantized(make, codes, scale)

    def bipolar(self, codes, scale):
        floats = (codes * rng.uniform(0.01, 2, codes.shape)).astype(np.float32)
        make = [("BipolarQuant", [self.weight(floats, False), self.weight(np.float32(scale), False)], {"domain": "qonnx.custom_op.general"})]
        return self.quantized(make, codes, np.float32(scale))

    def quant(self, codes, scale, bits, narrow=0):
        floats = ((codes + rng.uniform(-0.4, 0.4, codes.shape)) * scale).astype(np.float32)
        inputs = [self.weight(np.float32(v), False) for v in (scale, 0, bits)]
        attributes = {"domain": "qonnx.custom_op.general", "signed": 1, "narrow": narrow, "rounding_mode": "ROUND"}
        return self.quantized([("Quant", [self.weight(floats, False), *inputs], attributes)], codes, np.float32(scale))

    def conv(self, x, weights, codes, name, **attributes):
        bias = self.weight((rng.normal(size=codes.shape[0]) * 0.1).astype(np.float32))
        self.codes[name] = codes
        return self.node("Conv", x, weights, bias, name=name, **attributes)

    def relu(self, x):
        return self.node("Relu", x)

    def norm(self, x, c):
        parts = [rng.uniform(0.5, 1.5, c), rng.normal(size=c) * 0.2, rng.normal(size=c) * 0.2, rng.uniform(0.5, 2, c)]
        return self.node("BatchNormalization", x, *[self.weight(p.astype(np.float32)) for p in parts])

    def model(self, output, plain):
        values = [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)]
        x = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", *self.shape])
        nodes, weights = (self.plain, self.values) if plain else (self.nodes, self.weights)
        graph = helper.make_graph(nodes, self.name, [x], values, weights)
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid("qonnx.custom_op.general", 1)]
        return helper.make_model(graph, opset_imports=opsets[: 1 if plain else 2], ir_version=8)


def codes(bits, *shape, narrow=True):
    if bits == 1:
        return rng.choice([-1, 1], shape)
    half = 2 ** (bits - 1)
    return np.clip(np.round(rng.normal(size=shape) * half / 2), 1 - half if narrow else -half, half - 1).astype(np.int64)


def scales(count, fan_in):
    return (rng.uniform(0.5, 1.5, count) * 2 / 64 / fan_in**0.5).astype(np.float32)


def linear(opset):
    """8 bits everywhere: per channel, per tensor, depthwise, grouped, behind a transpose."""
    n = Net(f"linear-{opset}", opset, (3, 9, 11))
    c = codes(8, 6, 3, 3, 3)
    x = n.relu(n.conv("images", n.linear(c, scales(6, 27)), c, "first", pads=[1, 1, 1, 1], strides=[2, 2]))
    c = codes(8, 6, 1, 3, 3)
    x = n.relu(n.norm(n.conv(x, n.trained(c, scales(6, 9)), c, "depthwise", pads=[0, 1, 2, 1], group=6), 6))
    c = codes(8, 8, 3, 1, 1)
    x = n.relu(n.conv(x, n.linear(c, np.float32(0.012)), c, "grouped", group=2))
    x = n.node("GlobalAveragePool", x)
    x = n.node("Flatten", x)
    c = codes(8, 5, 8)
    w = n.node("Transpose", n.linear(c, scales(5, 8)), perm=[1, 0])
    n.codes["scores"] = c
    return n, n.node("MatMul", x, w, name="scores")


def few(opset):
    """QONNX: one bit, two, three and four, and eight in the first layer."""
    n = Net(f"few-{opset}", opset, (3, 8, 6))
    c = codes(8, 6, 3, 3, 3)
    x = n.relu(n.norm(n.conv("images", n.quant(c, 0.006, 8, 1), c, "first", pads=[1, 1, 1, 1]), 6))
    c = codes(1, 8, 6, 3, 3)
    x = n.relu(n.norm(n.conv(x, n.bipolar(c, rng.uniform(0.1, 0.3, (8, 1, 1, 1))), c, "one", pads=[1, 1, 1, 1]), 8))
    c = codes(2, 8, 4, 1, 1)
    x = n.relu(n.norm(n.conv(x, n.quant(c, 0.4, 2, 1), c, "two", group=2), 8))
    x = n.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    c = codes(3, 8, 1, 3, 3, narrow=False)
    x = n.relu(n.conv(x, n.quant(c, 0.12, 3), c, "three", pads=[1, 1, 1, 1], group=8))
    x = n.node("Flatten", x)
    c = codes(4, 4, 96, narrow=False)
    bias = n.weight((rng.normal(size=4) * 0.3).astype(np.float32))
    n.codes["four"] = c
    return n, n.node("Gemm", x, n.quant(c, 0.03, 4), bias, transB=1, name="four")


def fashion(opset):
    """For images of 28×28 in grey: 8, 1 and 4 bits."""
    n = Net(f"fashion-{opset}", opset, (1, 28, 28))
    c = codes(8, 4, 1, 3, 3)
    x = n.relu(n.conv("images", n.linear(c, scales(4, 9) * 4), c, "first", pads=[1, 1, 1, 1], strides=[2, 2]))
    c = codes(1, 8, 4, 3, 3)
    x = n.relu(n.norm(n.conv(x, n.bipolar(c, 0.2), c, "one", strides=[2, 2]), 8))
    x = n.node("Flatten", n.node("GlobalAveragePool", x))
    c = codes(4, 10, 8, narrow=False)
    bias = n.weight((rng.normal(size=10) * 0.3).astype(np.float32))
    n.codes["four"] = c
    return n, n.node("Gemm", x, n.quant(c, 0.03, 4), bias, transB=1, name="four")


def whole(opset):
    """The whole range of int8 from -128 on, in every kind of layer, and uint8 around a zero point."""
    n = Net(f"whole-{opset}", opset, (3, 7, 8))
    c = rng.integers(-128, 128, (6, 3, 3, 3))
    c[:, 0, 0, 0] = -128
    x = n.relu(n.conv("images", n.linear(c, scales(6, 27)), c, "first", pads=[1, 1, 1, 1]))
    c = rng.integers(-128, 128, (6, 1, 3, 3))
    c[0, 0, 1, 1] = -128
    x = n.norm(n.conv(x, n.linear(c, scales(6, 9)), c, "depthwise", pads=[1, 1, 1, 1], group=6), 6)
    x = n.relu(n.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]))
    c = rng.integers(-60, 196, (8, 6, 1, 1))
    c[0, 0], c[1, 1] = -60, 195
    x = n.relu(n.conv(x, n.asymmetric(c, scales(8, 6), 60), c, "asymmetric"))
    x = n.node("Flatten", x)
    c = rng.integers(-128, 128, (4, 96))
    c[2, 5] = -128
    bias = n.weight((rng.normal(size=4) * 0.3).astype(np.float32))
    n.codes["scores"] = c
    return n, n.node("Gemm", x, n.linear(c, np.float32(0.002)), bias, transB=1, name="scores")


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for make, opset in [(linear, 13), (linear, 19), (few, 11), (few, 17), (fashion, 17), (whole, 17)]:
        n, output = make(opset)
        file = folder / f"{n.name}.onnx"
        onnx.save(n.model(output, False), file)
        pixels = rng.integers(0, 256, (12 if n.shape[0] == 3 else 2, *n.shape))
        middle, spread = mean[: n.shape[0]], deviation[: n.shape[0]]
        images = ((pixels / np.float32(255) - middle[:, None, None]) / spread[:, None, None]).astype(np.float32)
        session = onnxruntime.InferenceSession(n.model(output, True).SerializeToString(), providers=["CPUExecutionProvider"])
        (scores,) = session.run(None, {"images": images})
        values = lambda a: {"shape": list(a.shape), "data": [float(f"{v:.7g}") for v in a.ravel()]}
        about = {"images": values(images[:2]), "outputs": [values(scores[:2])], "mean": [float(f"{v:.7g}") for v in middle], "deviation": [float(f"{v:.7g}") for v in spread],
                 "pixels": values(pixels), "scores": values(scores), "codes": {name: values(c) for name, c in n.codes.items()}}
        (folder / f"{n.name}.json").write_text(json.dumps(about) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
