"""Make golden.json: scores of this folder's models on some images, by integer_model.py.

    python3 packages/conformance/golden/make_golden.py

from the repository's root. Models come from `hbnn random` (the list below) and `hbnn dump`; their files are committed
too, in the folders of the format's present versions, so that a later reader is tried on files of today. The files beside
this script are those of version 1, which is still read; nothing writes them any more. numpy 1.26 or later.
"""

import base64
import json
import os
import subprocess
import tempfile

import numpy as np

import integer_model

HERE = os.path.dirname(os.path.abspath(__file__))
HBNN = ["node", "--conditions=hbnn-source", "--import", "tsx", "packages/cli/src/main.ts"]
IMAGES = 3

MODELS = {f"network-{seed}": ["--seed", str(seed)] for seed in (3, 30, 35, 40, 45, 53, 73, 100, 106)} | {
    "dense": ["--seed", "1", "--layer", "dense:129x9", "--mix", "0:0.2/1:0.4/3:0.4"],
    "conv": ["--seed", "2", "--layer", "conv:6x7x9,k3x2,o5,s2,p1", "--input-mix", "0.5/0.3/0.2"],
    "depthwise": ["--seed", "3", "--layer", "depthwise:5x6x7,k3x3,o14,p1", "--map-per", "output"],
    "position": ["--seed", "4", "--layer", "conv:4x4x6,k2x2,o8", "--map-per", "position"],
    "outputs": ["--seed", "5", "--layer", "dense:33x7", "--scale-per", "output", "--mix", "0.5/0.5"],
}


# A model with branches is a file of version 3.
BRANCHED = {f"branches-{seed}": ["--branches", "--seed", str(seed)] for seed in (8, 21, 31, 39, 41, 50, 73)}


def golden(name, options):
    version = "version-3" if name in BRANCHED else "version-2"
    file = os.path.join(HERE, version, f"{name}.hbnn")
    subprocess.run([*HBNN, "random", *options, "--out", file], check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as folder:
        dump = [*HBNN, "dump", file, "--out", folder]
        subprocess.run(dump, check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(folder, "model.json"), encoding="utf-8") as text:
            shape = json.load(text)["input"]["shape"]
        rng = np.random.default_rng(sum(map(ord, name)))
        pixels = rng.integers(0, 256, [IMAGES, *shape], dtype=np.uint8)
        pixels[1] = 0
        scores = integer_model.scores(folder, pixels)
    assert len(np.unique(scores, axis=0)) > 1, f"{name}: all images alike; choose another seed"
    encoded = base64.b64encode(pixels.tobytes()).decode()
    return {"pixels": encoded, "scores": scores.tolist()}


def main():
    found = {name: golden(name, options) for name, options in (MODELS | BRANCHED).items()}
    with open(os.path.join(HERE, "golden.json"), "w", encoding="utf-8") as file:
        json.dump(found, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
