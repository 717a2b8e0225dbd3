"""Write golden.json: what residual binarization gives on small tensors, from numpy alone.

Run: python3 make_golden.py (numpy 2). Slow and obvious on purpose: loops in index order, a full
stable sort, no code of this project. Rules are those of the paper's Eq. 5, Eq. 6 and Algorithm 1:
sign(0) = -1, one sort over the whole tensor, ties by index. The residuals and their scales are plain
float64 (sums in index order); only the scales that are written, and of which the approximation is
the sum, are rounded once to float32.
"""
import base64
import itertools
import json
import os
from fractions import Fraction

import numpy as np

SEED = 20181205


def b64(a):
    return base64.b64encode(np.ascontiguousarray(a).tobytes()).decode()


def allocate(mix, count):
    """Counts of each bitwidth: of all floor/ceil roundings the nearest average, then counts, then fewest bits.

    Enough for these mixes, where no other counts come nearer."""
    exact = [(b, Fraction(p).limit_denominator(1000) * count) for b, p in mix]
    target = sum(b * q for b, q in exact)
    best = None
    for ups in itertools.product((0, 1), repeat=len(exact)):
        counts = [q.numerator // q.denominator for _, q in exact]
        if any(up and q.denominator == 1 for up, (_, q) in zip(ups, exact)):
            continue
        counts = [c + up for c, up in zip(counts, ups)]
        if sum(counts) != count:
            continue
        off = abs(sum(b * c for (b, _), c in zip(exact, counts)) - target)
        spread = sum((c - q) ** 2 for (_, q), c in zip(exact, counts))
        bits = sum(b * c for (b, _), c in zip(exact, counts))
        if best is None or (off, spread, bits) < best[0]:
            best = ((off, spread, bits), [(b, c) for (b, _), c in zip(exact, counts)])
    return best[1]


def axes(shape, layout):
    """(output, position, input) of every element, and how many there are of each."""
    if len(shape) == 1:
        n = shape[0]
        return [(0, 0, i) for i in range(n)], (1, 1, n)
    rest = shape[1:] if layout == "outputs-first" else shape[:-1]
    outputs = shape[0] if layout == "outputs-first" else shape[-1]
    inputs = rest[-1]
    positions = int(np.prod(rest[:-1], dtype=np.int64))
    where = []
    for index in np.ndindex(*shape):
        o, r = (index[0], index[1:]) if layout == "outputs-first" else (index[-1], index[:-1])
        p = int(np.ravel_multi_index(r[:-1], rest[:-1])) if len(r) > 1 else 0
        where.append((o, p, r[-1]))
    return where, (outputs, positions, inputs)


def unit_of(per, where):
    o, p, i = where
    if per.startswith("block:"):
        return (o, p, i // int(per[6:]))
    return {"position": (p, i), "input": (i,), "output": (o,)}[per]


def choose(values, mix, select, per, where):
    total = 0.0
    for v in values:
        total += abs(v)
    mean = total / len(values)
    key = {
        "middle-out": lambda v: abs(abs(v) - mean),
        "top-down": lambda v: -abs(v),
        "bottom-up": lambda v: abs(v),
    }[select]
    names = [("e", i) if per == "element" else unit_of(per, w) for i, w in enumerate(where)]
    order = list(dict.fromkeys(names))
    sums, sizes = dict.fromkeys(order, 0.0), dict.fromkeys(order, 0)
    for name, v in zip(names, values):
        sums[name] += key(v)
        sizes[name] += 1
    keys = np.array([sums[name] / sizes[name] for name in order])
    ranked = np.argsort(keys, kind="stable")
    width, at = {}, 0
    for bits, count in allocate(mix, len(order)):
        for place in ranked[at : at + count]:
            width[order[place]] = bits
        at += count
    return [width[name] for name in names]


def residual(values, bits, groups):
    """Eq. 5 in float64: scales[plane][group], rounded to float32, and the sum of the rounded scales."""
    rest = [float(v) for v in values]
    approx = [0.0] * len(rest)
    scales = []
    for n in range(1, max(bits) + 1):
        plane = []
        for g in range(max(groups) + 1):
            members = [j for j in range(len(rest)) if bits[j] >= n and groups[j] == g]
            total = 0.0
            for j in members:
                total += abs(rest[j])
            mu = total / len(members) if members else 0.0
            kept = float(np.float32(mu))
            for j in members:
                sign = 1 if rest[j] > 0 else -1
                approx[j] += sign * kept
                rest[j] -= sign * mu
            plane.append(kept)
        scales.append(plane)
    return scales, approx


def tensors(rng):
    yield "normal 4-d", rng.standard_normal((4, 3, 3, 5)).astype(np.float32)
    yield "normal float64 2-d", rng.standard_normal((8, 25))
    yield "uniform 3-d", rng.uniform(-1, 1, (5, 4, 6)).astype(np.float32)
    yield "heavy-tailed 2-d", rng.standard_t(1.5, (10, 20)).astype(np.float32)
    yield "constant 2-d", np.full((5, 8), 0.75, np.float32)
    yield "negative constant 1-d", np.full(30, -0.1)
    yield "zeros 2-d", np.zeros((4, 10), np.float32)
    yield "zeros and ties 4-d", rng.integers(-2, 3, (4, 2, 2, 10)).astype(np.float32) / 2
    yield "normal 1-d", rng.standard_normal(100).astype(np.float32)
    yield "one element", np.array([-0.3], np.float32)


MIXES = [
    [(1, 1.0)],
    [(1, 0.7), (2, 0.2), (3, 0.1)],
    [(1, 0.5), (2, 0.5)],
    [(0, 0.2), (1, 0.5), (2, 0.3)],
    [(2, 0.4), (4, 0.4), (5, 0.2)],
    [(3, 1.0)],
    [(1, 0.5), (8, 0.5)],
]


def main():
    rng = np.random.default_rng(SEED)
    inputs, cases = [], []
    for name, tensor in tensors(rng):
        shape = list(tensor.shape)
        inputs.append({"name": name, "dtype": str(tensor.dtype), "shape": shape, "data": b64(tensor)})
        for k, (mix, select) in enumerate(itertools.product(MIXES, ("middle-out", "top-down", "bottom-up"))):
            pers = ["element", "output", "block:5"] if shape[-1] % 5 == 0 and len(shape) > 1 else ["element"]
            pers += ["position", "input"] if len(shape) > 1 else []
            per = pers[k % len(pers)]
            layout = ("outputs-first", "outputs-last")[(k // 2) % 2]
            if per.startswith("block"):
                layout = "outputs-first"
            scale_per = ("tensor", "output")[(k // 3) % 2]
            where, _ = axes(shape, layout)
            values = [float(v) for v in tensor.ravel()]
            bits = choose(values, mix, select, per, where)
            groups = [w[0] if scale_per == "output" else 0 for w in where]
            scales, approx = residual(values, bits, groups)
            error = np.array(values) - np.array(approx, np.float32).astype(np.float64)
            norm = float(np.linalg.norm(values))
            cases.append({
                "input": name,
                "mix": [[b, p] for b, p in mix],
                "select": select,
                "mapPer": per,
                "scalePer": scale_per,
                "layout": layout,
                "bits": "".join(map(str, bits)),
                "scales": scales,
                "approximation": b64(np.array(approx, np.float32)),
                "distance": float(np.linalg.norm(error)) / norm if norm > 0 else 0.0,
            })
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden.json")
    with open(path, "w") as file:
        json.dump({"seed": SEED, "numpy": np.__version__, "inputs": inputs, "cases": cases}, file, separators=(",", ":"))
        file.write("\n")
    print(f"{len(cases)} cases, {os.path.getsize(path)} bytes")


main()
