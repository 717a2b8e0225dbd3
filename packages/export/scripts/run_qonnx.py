"""Run QONNX files image by image and write their scores: python3 run_qonnx.py FOLDER. Needs qonnx."""
import importlib.metadata
import pathlib
import sys

import numpy
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.util.cleanup import cleanup_model

folder = pathlib.Path(sys.argv[1])
for file in sorted(folder.glob("*.onnx")):
    model = cleanup_model(ModelWrapper(str(file)))
    name = model.graph.output[0].name
    kinds = {node.op_type for node in model.graph.node}
    assert kinds & {"BipolarQuant", "Quant"}, kinds
    pixels = numpy.load(file.with_suffix(".npy"))
    scores = [execute_onnx(model, {model.graph.input[0].name: image[None]})[name] for image in pixels]
    numpy.save(file.with_suffix(".scores.npy"), numpy.concatenate(scores).astype(numpy.int32))
print(importlib.metadata.version("qonnx"))
