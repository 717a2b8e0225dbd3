"""Run ONNX files on images and write their scores: python3 run_onnx.py FOLDER. Needs numpy and onnxruntime."""
import pathlib
import sys

import numpy
import onnxruntime

folder = pathlib.Path(sys.argv[1])
for file in sorted(folder.glob("*.onnx")):
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    pixels = numpy.load(file.with_suffix(".npy"))
    (scores,) = session.run(["scores"], {"pixels": pixels})
    assert scores.dtype == numpy.int32, scores.dtype
    numpy.save(file.with_suffix(".scores.npy"), scores)
print(onnxruntime.__version__)
