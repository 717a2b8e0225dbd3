"""Make small ONNX networks with random weights, and the outputs that onnxruntime computes for them.

python -m venv venv && venv/bin/pip install onnx==1.23.2 onnxruntime==1.32.0
venv/bin/python scripts/onnxNetworks.py test/golden/onnx
"""

import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(7)


class Net:
    """Collects nodes and weights; each method adds a node and returns the name of its output."""

    def __init__(self, name, opset, shape):
        self.name, self.opset, self.shape = name, opset, shape
        self.nodes, self.weights, self.outputs = [], [], []

    def node(self, kind, *inputs, **attributes):
        out = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [out], name=f"{kind.lower()}{len(self.nodes)}", **attributes))
        return out

    def weight(self, array):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def normal(self, *shape):
        fan_in = np.prod(shape[1:]) if len(shape) > 1 else 4
        return self.weight((rng.normal(size=shape) * (2 / fan_in) ** 0.5).astype(np.float32))

    def ints(self, *values):
        return self.weight(np.array(values, np.int64))

    def conv(self, x, cin, cout, kernel, bias=True, group=1, **attributes):
        kernel = (kernel, kernel) if isinstance(kernel, int) else kernel
        inputs = [x, self.normal(cout, cin // group, *kernel)] + ([self.normal(cout)] if bias else [])
        return self.node("Conv", *inputs, group=group, **attributes)

    def norm(self, x, c, **attributes):
        gamma = (rng.normal(size=c)).astype(np.float32)
        variance = rng.uniform(0.5, 2, size=c).astype(np.float32)
        return self.node("BatchNormalization", x, self.weight(gamma), self.normal(c), self.normal(c), self.weight(variance), **attributes)

    def relu(self, x):
        return self.node("Relu", x)

    def dense(self, x, n, m):
        return self.node("Gemm", x, self.normal(m, n), self.normal(m), transB=1)

    def clip6(self, x):
        if self.opset < 11:
            return self.node("Clip", x, min=0.0, max=6.0)
        return self.node("Clip", x, self.weight(np.float32(0)), self.weight(np.float32(6)))

    def axes(self, kind, x, axes, since, **attributes):
        if self.opset < since:
            return self.node(kind, x, axes=axes, **attributes)
        return self.node(kind, x, self.ints(*axes), **attributes)

    def model(self, outputs):
        values = [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in outputs]
        x = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", *self.shape])
        graph = helper.make_graph(self.nodes, self.name, [x], values, self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=10 if self.opset > 15 else 6)


def vgg(opset):
    n = Net(f"vgg-{opset}", opset, (3, 12, 12))
    x = n.relu(n.conv("images", 3, 6, 3, pads=[1, 1, 1, 1]))
    x = n.relu(n.conv(x, 6, 6, 3, pads=[1, 1, 1, 1]))
    x = n.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = n.relu(n.conv(x, 6, 8, 3, bias=False))
    x = n.node("Dropout", n.node("Flatten", x, axis=1))
    x = n.relu(n.dense(x, 128, 10))
    return n, [n.node("Softmax", n.dense(x, 10, 5), axis=1)]


def resnet(opset):
    n = Net(f"resnet-{opset}", opset, (3, 20, 28))
    x = n.relu(n.norm(n.conv("images", 3, 6, 7, bias=False, strides=[2, 2], pads=[3, 3, 3, 3]), 6, epsilon=1e-5, momentum=0.9))
    x = n.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], **({"ceil_mode": 0} if opset > 9 else {}))
    y = n.relu(n.norm(n.conv(x, 6, 6, 3, bias=False, pads=[1, 1, 1, 1]), 6))
    y = n.norm(n.conv(y, 6, 6, 3, bias=False, pads=[1, 1, 1, 1]), 6)
    x = n.relu(n.node("Add", y, x))
    y = n.relu(n.norm(n.conv(x, 6, 8, 3, bias=False, strides=[2, 2], pads=[1, 1, 1, 1]), 8))
    y = n.norm(n.conv(y, 8, 8, 3, bias=False, pads=[1, 1, 1, 1]), 8)
    z = n.norm(n.conv(x, 6, 8, 1, bias=False, strides=[2, 2]), 8)
    x = n.node("GlobalAveragePool", n.relu(n.node("Add", z, y)))
    return n, [n.dense(n.node("Flatten", x), 8, 7)]


def mobilenet(opset):
    n = Net(f"mobilenet-{opset}", opset, (3, 16, 16))
    x = n.clip6(n.norm(n.conv("images", 3, 6, 3, bias=False, strides=[2, 2], pads=[1, 1, 1, 1]), 6))
    y = n.clip6(n.norm(n.conv(x, 6, 12, 1, bias=False), 12))
    y = n.clip6(n.norm(n.conv(y, 12, 12, 3, bias=False, group=12, pads=[1, 1, 1, 1]), 12))
    x = n.node("Add", x, n.norm(n.conv(y, 12, 6, 1, bias=False), 6))
    y = n.clip6(n.conv(x, 6, 12, 3, group=6, strides=[2, 2], pads=[1, 1, 1, 1]))
    x = n.axes("ReduceMean", y, [2, 3], 18, keepdims=1)
    batch = n.axes("Unsqueeze", n.node("Gather", n.node("Shape", x), n.weight(np.int64(0)), axis=0), [0], 13)
    x = n.node("Reshape", x, n.node("Concat", batch, n.ints(-1), axis=0))
    return n, [n.dense(x, 12, 4)]


def padding(opset):
    n = Net(f"padding-{opset}", opset, (2, 11, 17))
    x = "images"
    if opset < 11:
        x = n.node("Pad", x, pads=[0, 0, 1, 0, 0, 0, 0, 2], mode="constant", value=0.0)
    else:
        x = n.node("Pad", x, n.ints(0, 0, 1, 0, 0, 0, 0, 2), n.weight(np.float32(0)), mode="constant")
    x = n.relu(n.conv(x, 2, 4, (3, 5), pads=[0, 1, 2, 1]))
    x = n.relu(n.conv(x, 4, 4, 3, dilations=[2, 2], pads=[2, 2, 2, 2]))
    x = n.node("AveragePool", x, kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1], count_include_pad=1)
    x = n.conv(x, 4, 4, 2, strides=[1, 1], auto_pad="SAME_LOWER")
    x = n.node("AveragePool", x, kernel_shape=[2, 3], strides=[2, 2], auto_pad="SAME_UPPER")
    x = n.node("LeakyRelu", x, alpha=0.2)
    x = n.norm(n.node("Flatten", x), 4 * 6 * 9)
    x = n.node("MatMul", n.relu(x), n.weight((rng.normal(size=(216, 6)) / 15).astype(np.float32)))
    x = n.node("Add", x, n.normal(6))
    return n, [n.node("Softmax", x, axis=-1)]


def groups(opset):
    n = Net(f"groups-{opset}", opset, (4, 13, 10))
    x = n.relu(n.conv("images", 4, 8, 3, group=2, pads=[1, 1, 1, 1]))
    y = n.conv(x, 8, 16, 3, group=8, strides=[2, 2], pads=[1, 1, 1, 1])
    z = n.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    x = n.relu(n.node("Concat", y, z, axis=1))
    x = n.conv(x, 24, 8, 3, group=4, dilations=[2, 1], strides=[1, 2], pads=[2, 1, 2, 1])
    x = n.relu(n.conv(x, 8, 8, 3, group=8, dilations=[2, 2], pads=[2, 2, 2, 2]))
    x = n.node("GlobalMaxPool", x)
    x = n.axes("Squeeze", x, [2, 3], 13)
    return n, [n.dense(x, 8, 3)]


def channels_last(opset):
    n = Net(f"channels-last-{opset}", opset, (10, 8, 3))
    x = n.node("Sub", "images", n.weight(np.array([0.4, 0.5, 0.6], np.float32)))
    x = n.node("Mul", x, n.weight(np.array([4, 3, 2], np.float32)))
    x = n.node("Transpose", x, perm=[0, 3, 1, 2])
    x = n.conv(x, 3, 5, 3, bias=False, pads=[0, 0, 1, 1], strides=[2, 2])
    x = n.relu(n.node("Add", x, n.weight(rng.normal(size=(1, 5, 1, 1)).astype(np.float32))))
    x = n.node("Transpose", x, perm=[0, 2, 3, 1])
    x = n.node("Reshape", x, n.ints(-1, 5 * 4 * 5))
    x = n.node("MatMul", x, n.normal(100, 8))
    x = n.relu(n.node("Add", x, n.normal(8)))
    x = n.node("Div", x, n.weight(np.float32(3)))
    return n, [n.node("MatMul", x, n.normal(8, 4))]


def lists(opset):
    """Lists in the order of channels first that no dense layer takes."""
    n = Net(f"lists-{opset}", opset, (2, 5, 4))
    x = n.conv("images", 2, 3, 2)
    flat = n.node("Flatten", x)
    other = n.node("Reshape", n.relu(x), n.ints(0, -1))
    both = n.node("Concat", n.node("Add", flat, other), n.node("Tanh", other), axis=1)
    back = n.node("Reshape", n.node("Mul", flat, n.normal(36)), n.ints(0, 3, 4, 3))
    pooled = n.node("Flatten", n.node("GlobalAveragePool", n.conv(back, 3, 3, 1)))
    return n, [both, n.node("Sub", n.normal(1, 3), pooled), n.node("Sigmoid", flat)]


def constants(opset):
    n = Net(f"constants-{opset}", opset, (1, 8, 8))
    w = n.weight(rng.normal(size=(3, 3, 1, 4)))
    w = n.node("Transpose", n.node("Cast", w, to=TensorProto.FLOAT), perm=[3, 2, 0, 1])
    scale = n.node("Sqrt", n.weight(np.array([4], np.float32)))
    x = n.node("Identity", n.node("Conv", "images", n.node("Div", w, scale), pads=[1, 1, 1, 1]))
    x = n.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    x = n.relu(x)
    x = n.conv(x, 4, 4, 1)
    x = n.node("GlobalAveragePool", x)
    x = n.relu(n.conv(x, 4, 6, 1))
    x = n.node("Reshape", x, n.node("Slice", n.ints(7, -1, 6, 2), n.ints(1), n.ints(3), n.ints(0)))
    return n, [n.node("Gemm", x, n.normal(6, 3), n.normal(1, 3), alpha=0.5, beta=2.0)]


def classifier(opset):
    """A network for images of Fashion-MNIST, which the command line fine-tunes in a test."""
    n = Net(f"classifier-{opset}", opset, (1, 28, 28))
    x = n.relu(n.norm(n.conv("images", 1, 4, 3, bias=False, pads=[1, 1, 1, 1]), 4))
    x = n.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = n.relu(n.norm(n.conv(x, 4, 6, 3, bias=False, pads=[1, 1, 1, 1]), 6))
    x = n.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = n.relu(n.norm(n.conv(x, 6, 6, 3, bias=False, pads=[1, 1, 1, 1]), 6))
    x = n.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    return n, [n.node("Softmax", n.dense(n.node("Flatten", x), 54, 10), axis=1)]


def residual(opset):
    """The same with a sum of branches, which an integer model does not have."""
    n = Net(f"residual-{opset}", opset, (1, 28, 28))
    x = n.relu(n.norm(n.conv("images", 1, 4, 3, bias=False, strides=[2, 2], pads=[1, 1, 1, 1]), 4))
    y = n.norm(n.conv(x, 4, 4, 3, bias=False, pads=[1, 1, 1, 1]), 4)
    x = n.node("GlobalAveragePool", n.relu(n.node("Add", x, y)))
    return n, [n.dense(n.node("Flatten", x), 4, 10)]


def external(folder):
    """A network whose weights lie in a file of their own."""
    n, outputs = vgg(21)
    n.name = "external-21"
    return n, outputs


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    made = [f(o) for f, opsets in [
        (vgg, (9, 13, 21)), (resnet, (9, 12, 17)), (mobilenet, (10, 13, 18)), (padding, (10, 11, 20)),
        (groups, (11, 13, 19)), (channels_last, (9, 15)), (lists, (9, 14)), (constants, (11, 16)), (classifier, (17,)), (residual, (17,)),
    ] for o in opsets] + [external(folder)]
    for n, outputs in made:
        model = onnx.shape_inference.infer_shapes(n.model(outputs))
        file = folder / f"{n.name}.onnx"
        if n.name.startswith("external"):
            onnx.save(model, file, save_as_external_data=True, location=f"{n.name}.data", size_threshold=64)
        else:
            onnx.save(model, file)
        images = rng.normal(size=(2, *n.shape)).astype(np.float32)
        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        results = session.run(None, {"images": images})
        floats = lambda a: [float(f"{v:.7g}") for v in a.ravel()]
        expected = {"images": {"shape": images.shape, "data": floats(images)},
                    "outputs": [{"shape": r.shape, "data": floats(r)} for r in results]}
        (folder / f"{n.name}.json").write_text(json.dumps(expected) + "\n")


main(pathlib.Path(sys.argv[1]))
