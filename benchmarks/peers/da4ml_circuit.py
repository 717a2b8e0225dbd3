"""Verilog that da4ml makes of an integer matrix, for `pnpm bench:circuits`.

Reads {"matrix": [[inputs][outputs]], "bits": b} from standard input: y = x @ matrix with unsigned inputs of b bits.
Writes {"version", "files": {name: text}, "module", "outputs": [{"signed", "width"}]} to standard output.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import da4ml
import numpy as np
from da4ml.codegen.rtl.verilog import comb_logic_gen
from da4ml.trace import FixedVariableArrayInput, comb_trace
from da4ml.types import minimal_kif


def main() -> None:
    case = json.load(sys.stdin)
    matrix = np.array(case["matrix"], dtype=np.float32)
    # No sign, so many bits before the point, none behind it. Solver options are da4ml's own defaults.
    inputs = FixedVariableArrayInput(matrix.shape[0]).quantize(0, case["bits"], 0)
    circuit = comb_trace(inputs, inputs @ matrix)
    outputs = []
    for interval in circuit.out_qint:
        signed, whole, fraction = minimal_kif(interval)
        # An output all of whose values share a factor has its low zeros left out.
        outputs.append({"signed": bool(signed), "width": int(signed) + whole + fraction, "shift": -fraction})
    source = Path(da4ml.__file__).parent / "codegen" / "rtl" / "verilog" / "source"
    files = {name: (source / name).read_text() for name in ("shift_adder.v", "negative.v")}
    files["peer.v"] = comb_logic_gen(circuit, "peer")
    result = {"version": version("da4ml"), "files": files, "module": "peer", "outputs": outputs}
    json.dump(result, sys.stdout)


main()
