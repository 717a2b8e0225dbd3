"""Measure what TensorFlow Lite for Microcontrollers takes for the network that docs/guide/export.md compares, as int8.

python -m venv venv && venv/bin/pip install keras==3.15.1 tensorflow-cpu==2.21.0 tflite-micro==0.dev20261023182759
venv/bin/python scripts/tfliteMicro.py
"""

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tflite_micro.python.tflite_micro import runtime

L = keras.layers
layers = [keras.Input((28, 28, 1))]
for width in (6, 8, 8):
    layers += [L.Conv2D(width, 3, padding="same", use_bias=False), L.MaxPooling2D(), L.BatchNormalization()]
layers += [L.Conv2D(10, 3, padding="same", use_bias=False), L.GlobalAveragePooling2D()]
images = np.random.default_rng(0).normal(size=(100, 1, 28, 28, 1)).astype(np.float32)

converter = tf.lite.TFLiteConverter.from_keras_model(keras.Sequential(layers))
converter.optimizations = [tf.lite.Optimize.DEFAULT]
converter.representative_dataset = lambda: ([image] for image in images)
converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
converter.inference_input_type = converter.inference_output_type = tf.int8
model = converter.convert()
print("bytes of the model:", len(model))

interpreter = runtime.Interpreter.from_bytes(model)
interpreter.set_input(np.zeros((1, 28, 28, 1), np.int8), 0)
interpreter.invoke()
interpreter.print_allocations()
