"""Recompute with numpy what `pnpm --filter @hbnn/cli recompute` left: FOLDER/SEED/{dump, images.npy, ENGINE.npy}.

    python3 compare.py FOLDER     exits with 1 when any score differs
"""

import os
import sys

import numpy as np

import integer_model


def main(root):
    models, images, scores, differing = 0, 0, 0, []
    for seed in sorted(os.listdir(root), key=int):
        folder = os.path.join(root, seed)
        pixels = np.load(os.path.join(folder, "images.npy"))
        wanted = integer_model.scores(os.path.join(folder, "dump"), pixels)
        for engine in ("reference", "wasm"):
            found = np.load(os.path.join(folder, f"{engine}.npy"))
            if found.shape != wanted.shape or (found != wanted).any():
                differing.append(f"{seed} on {engine}")
        models, images, scores = models + 1, images + len(pixels), scores + wanted.size
    print(f"{models} models, {images} images, {scores} scores, {len(differing)} differences")
    for name in differing:
        print(f"differs: {name}")
    return 1 if differing or models == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
