"""Make small networks with random weights by both of PyTorch's exporters, and the outputs of onnxruntime for them.

python -m venv venv && venv/bin/pip install torch==2.15.0 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.32.0
venv/bin/python scripts/torchNetworks.py test/golden/torch
"""

import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn
from torch.nn import functional as F


class BasicBlock(nn.Module):
    def __init__(self, cin, cout, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(cout)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride > 1 or cin != cout:
            self.downsample = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(out)) + identity)


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(6)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(BasicBlock(6, 6), BasicBlock(6, 6))
        self.layer2 = BasicBlock(6, 8, 2)
        self.layer3 = BasicBlock(8, 12, 2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(12, 5)

    def forward(self, x):
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class InvertedResidual(nn.Module):
    def __init__(self, cin, cout, stride, expand):
        super().__init__()
        hidden = cin * expand
        layers = []
        if expand > 1:
            layers += [nn.Conv2d(cin, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6(inplace=True)]
        layers += [
            nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6(inplace=True),
            nn.Conv2d(hidden, cout, 1, bias=False), nn.BatchNorm2d(cout),
        ]
        self.conv = nn.Sequential(*layers)
        self.residual = stride == 1 and cin == cout

    def forward(self, x):
        return x + self.conv(x) if self.residual else self.conv(x)


class MobileNetV2(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 6, 3, 2, 1, bias=False), nn.BatchNorm2d(6), nn.ReLU6(),
            InvertedResidual(6, 4, 1, 1), InvertedResidual(4, 6, 2, 3), InvertedResidual(6, 6, 1, 2),
            nn.Conv2d(6, 16, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU6(),
        )
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(16, 7))

    def forward(self, x):
        return self.classifier(self.features(x).mean([2, 3]))


def vgg():
    """Its classifier takes a map of 2 × 2 from whatever the last pool gives."""
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(True),
        nn.Conv2d(6, 6, 3, padding=1), nn.ReLU(True), nn.MaxPool2d(2, 2),
        nn.Conv2d(6, 8, 3, padding=1), nn.LeakyReLU(0.1), nn.MaxPool2d(2, 2),
        nn.AdaptiveAvgPool2d((2, 2)), nn.Flatten(),
        nn.Linear(32, 12), nn.ReLU(True), nn.Dropout(), nn.Linear(12, 10), nn.Softmax(dim=1),
    )


def odd():
    """Padding that is not that of TensorFlow, images that are not square, and pools with padding of both kinds."""
    return nn.Sequential(
        nn.ZeroPad2d((1, 0, 2, 3)), nn.Conv2d(2, 5, (3, 5), stride=(2, 1), padding=(2, 1)), nn.ReLU(),
        nn.Conv2d(5, 5, 4, padding="same"), nn.AvgPool2d(3, 1, 1, count_include_pad=False),
        nn.Conv2d(5, 6, 3, padding=3, dilation=3), nn.SiLU(), nn.AvgPool2d((3, 2), (2, 2), (1, 1)),
        nn.AvgPool2d(3, 2, 1, count_include_pad=False), nn.MaxPool2d(3, 2, 1),
        nn.Conv2d(6, 4, (2, 3), padding=(0, 2)), nn.Flatten(), nn.Linear(20, 6),
    )


class Groups(nn.Module):
    """Convolutions in groups, channels that are shuffled between them, and branches that are concatenated."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.grouped = nn.Conv2d(8, 8, 3, padding=1, groups=2)
        self.pointwise = nn.Conv2d(8, 12, 1, groups=4, bias=False)
        self.depthwise = nn.Conv2d(8, 16, 3, padding=2, dilation=2, groups=8)
        self.norm = nn.BatchNorm2d(28)
        self.scores = nn.Conv2d(28, 4, 1)

    def forward(self, x):
        x = F.relu(self.first(x))
        x = F.relu(self.grouped(x))
        batch, channels, height, width = x.shape
        x = x.view(batch, 2, channels // 2, height, width).transpose(1, 2).reshape(batch, -1, height, width)
        x = torch.cat([self.pointwise(x), self.depthwise(x)], dim=1)
        x = F.relu(self.norm(x))
        return F.adaptive_avg_pool2d(self.scores(x), 1).squeeze(-1).squeeze(-1)


class Swishes(nn.Module):
    """HardSwish as a module and as people write it, and activations with bounds of their own."""

    def __init__(self, gate=None):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, 5, padding=2, groups=8, bias=False)
        self.norm2 = nn.BatchNorm2d(8)
        self.gate = gate
        self.project = nn.Conv2d(8, 8, 1)
        self.last = nn.Conv2d(8, 12, 3)
        self.scores = nn.Linear(12, 5)

    def forward(self, x):
        x = F.hardswish(self.norm1(self.first(x)))
        y = self.norm2(self.depthwise(x))
        y = y * F.relu6(y + 3) / 6
        if self.gate is not None:
            y = y * self.gate(y)
        x = x + F.hardtanh(self.project(y), -1.5, 2)
        x = F.leaky_relu(self.last(x), 0.1)
        x = F.hardsigmoid(x.mean([2, 3]))
        return self.scores(x)


def squeeze():
    return Swishes(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 4, 1), nn.ReLU(), nn.Conv2d(4, 8, 1), nn.Hardsigmoid()))


def uneven():
    """Zeros on some sides, dilation, windows that hang over the end, and zeros that an average counts."""
    return nn.Sequential(
        nn.ZeroPad2d((0, 2, 1, 3)), nn.Conv2d(3, 6, (4, 2), (1, 2)), nn.ReLU(), nn.MaxPool2d(3, 2, (1, 0), ceil_mode=True),
        nn.Conv2d(6, 8, 3, padding=(2, 1), dilation=(2, 1)), nn.BatchNorm2d(8), nn.ReLU(), nn.AvgPool2d((2, 3), (1, 2), (1, 1)),
        nn.ZeroPad2d((1, 0, 0, 1)), nn.Conv2d(8, 8, (1, 3), padding=(0, 1), groups=4), nn.ReLU(), nn.MaxPool2d(2, 2),
        nn.Flatten(), nn.Linear(56, 5),
    )


def edges():
    """Pools whose windows hang over the edges at other places than TensorFlow's, of values below 0 and of averages."""
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.LeakyReLU(0.2), nn.MaxPool2d(2, (1, 2), 1),
        nn.Conv2d(6, 8, 3, padding=1), nn.BatchNorm2d(8), nn.AvgPool2d((4, 3), 2, (2, 1), ceil_mode=True, count_include_pad=False),
        nn.Conv2d(8, 8, 3, padding=1), nn.LeakyReLU(0.125), nn.AvgPool2d(3, 2, 1, ceil_mode=True),
        nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8), nn.MaxPool2d((5, 4), 1, (1, 2)), nn.Flatten(), nn.Linear(240, 5),
    )


class Ends(nn.Module):
    """Grouped convolutions alone, axes of one element squeezed away one by one, and the logarithms of a softmax."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1, groups=3, bias=False), nn.BatchNorm2d(6), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(6, 8, 3, 1, 1, groups=2), nn.LeakyReLU(0.25), nn.Conv2d(8, 12, 1, groups=4), nn.ReLU())
        self.scores = nn.Linear(12, 5, bias=False)

    def forward(self, x):
        x = F.avg_pool2d(self.second(self.first(x)), (6, 5)).squeeze(-1).squeeze(-1)
        return F.log_softmax(self.scores(x), 1)


networks = {
    "resnet": (ResNet, (3, 27, 27), (12, 18)),
    "mobilenet": (MobileNetV2, (3, 20, 20), (13, 20)),
    "vgg": (vgg, (3, 19, 16), (9, 18)),
    "odd": (odd, (2, 17, 21), (11, 18)),
    "groups": (Groups, (3, 15, 18), (17, 21)),
    "swishes": (Swishes, (3, 14, 11), (12, 17, 20)),
    "squeeze": (squeeze, (3, 11, 14), (13, 18)),
    "uneven": (uneven, (3, 21, 17), (13, 21)),
    "edges": (edges, (3, 22, 28), (11, 20)),
    "ends": (Ends, (3, 11, 10), (13, 18)),
}


def trained(make, seed):
    """A network whose batch norms have seen something, so that each of their four weights counts."""
    torch.manual_seed(seed)
    model = make()
    for name, value in model.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 2)
        elif name.endswith("running_mean") or ".bn" in name or "norm" in name:
            value.normal_(0, 0.5) if value.dtype == torch.float32 else None
    return model.eval()


def export(model, images, file, opset):
    """Older opsets come from the exporter by TorchScript, newer ones from that by torch.export."""
    if opset < 18:
        names = {"input_names": ["images"], "output_names": ["scores"], "dynamic_axes": {"images": {0: "batch"}}}
        torch.onnx.export(model, images, file, opset_version=opset, dynamo=False, **names)
        return
    torch.onnx.export(model, (images,), file, opset_version=opset, dynamo=True, external_data=False)
    # What the exporter says of its own work is most of such a small file.
    proto = onnx.load(file)
    for part in (*proto.graph.node, *proto.graph.value_info, *proto.graph.input, *proto.graph.output, proto.graph, proto):
        del part.metadata_props[:]
    onnx.save(proto, file)


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (name, (make, shape, opsets)) in enumerate(networks.items()):
        model = trained(make, seed)
        for opset in opsets:
            # Files of newer opsets have as many images at a time as the example.
            images = torch.randn(2 if name == "uneven" else 1, *shape)
            file = folder / f"{name}-{opset}.onnx"
            export(model, images, file, opset)
            session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
            results = session.run(None, {session.get_inputs()[0].name: images.numpy()})
            floats = lambda a: [float(f"{v:.7g}") for v in np.asarray(a).ravel()]
            expected = {"images": {"shape": list(images.shape), "data": floats(images)},
                        "outputs": [{"shape": r.shape, "data": floats(r)} for r in results]}
            (folder / f"{name}-{opset}.json").write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
