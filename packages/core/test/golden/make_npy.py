"""Write npy.json: arrays of every kind that decodeNpy reads, as numpy.save writes them, with their values.

Run: python3 make_npy.py (numpy 2).
"""
import base64
import io
import json
import os

import numpy as np

rng = np.random.default_rng(21)
entries = []


def add(name, array):
    out = io.BytesIO()
    np.save(out, array)
    values = [float(v) for v in array.ravel(order="C")]
    entries.append({
        "name": name,
        "file": base64.b64encode(out.getvalue()).decode(),
        "shape": list(array.shape),
        "values": [v if np.isfinite(v) else str(v).replace("inf", "Infinity").replace("nan", "NaN") for v in values],
    })


for order in "<>":
    for kind in ("f2", "f4", "f8"):
        values = rng.normal(size=(2, 3, 4)) * 100
        add(f"{order}{kind}", values.astype(order + kind))
        add(f"{order}{kind} in Fortran order", np.asfortranarray(values.astype(order + kind)))
        add(f"{order}{kind} at its limits", np.array([np.inf, -np.inf, np.nan, -0.0, np.finfo(kind).max,
            np.finfo(kind).tiny, np.finfo(kind).smallest_subnormal], order + kind))
    for kind in ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"):
        info = np.iinfo(kind)
        low, high = max(info.min, -(2**53) + 1), min(info.max, 2**53 - 1)
        values = rng.integers(low, high, (3, 2, 2), endpoint=True, dtype=np.int64)
        values[0, 0] = low, high
        add(f"{order}{kind}", values.astype(order + kind))
        add(f"{order}{kind} in Fortran order", np.asfortranarray(values.astype(order + kind)))
add("one value", np.array(2.5))
add("no values in Fortran order", np.zeros((0, 3), order="F"))
add("a vector", np.arange(5, dtype=">u2"))
add("a transposed matrix", np.arange(6, dtype="f4").reshape(2, 3).T)

place = os.path.join(os.path.dirname(os.path.abspath(__file__)), "npy.json")
with open(place, "w") as out:
    json.dump(entries, out, indent=0)
    out.write("\n")
