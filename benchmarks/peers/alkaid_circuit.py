"""Verilog that alkaid makes of an integer matrix, for `pnpm bench:circuits`.

Reads {"matrix": [[inputs][outputs]], "bits": b} from standard input: y = x @ matrix with unsigned inputs of b bits.
Writes {"version", "circuits": [{"packing", "adders", "options", "files": {name: text}, "module", "outputs": [{"signed",
"width", "shift"}]}]} to standard output, a circuit for each packing and kind of adder.

alkaid packs twice. `binary_lut`, its default, makes tables of up to `binary_lut_width` (6) inputs of one bit, and sums
what they hold; without it, or for wider inputs, its solver shares sums of two. `ternary_fuse`, the default of `RTLModel`
and of `alkaid convert`, then makes one adder of three numbers of two adders.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import alkaid
import numpy as np
from alkaid.codegen.rtl.verilog import comb_logic_gen
from alkaid.codegen.rtl.verilog.lookup import lookup_source
from alkaid.trace import FVArrayInput, trace
from alkaid.trace.passes import fuse_ternary_adders
from alkaid.trace.passes.dce import dead_code_elimin
from alkaid.trace.passes.surrogate import add_surrogate

# All methods that its solver takes, and all widths of tables from where they hold more than an adder.
METHODS = ("wmc", "wmc-dc", "wmc-pdc", "mc", "mc-dc", "mc-pdc")
WIDTHS = (3, 4, 5, 6)


def solved(matrix, bits, options):
    # No sign, so many bits before the point, none behind it.
    inputs = FVArrayInput(matrix.shape[0], solver_options=options).quantize(0, bits, 0)
    return trace(inputs, inputs @ matrix)


def fused(circuit):
    """As `RTLModel` does it where `ternary_fuse` is set."""
    return add_surrogate(dead_code_elimin(fuse_ternary_adders(circuit)), _skip_op8_cost=True)


def described(circuit, packing, adders, options):
    outputs = []
    for interval in circuit.out_qint:
        signed, whole, fraction = interval.kif
        # An output all of whose values share a factor has its low zeros left out.
        outputs.append({"signed": bool(signed), "width": int(signed) + int(whole) + int(fraction), "shift": -int(fraction)})
    source = Path(alkaid.__file__).parent / "codegen" / "rtl" / "verilog" / "source"
    names = ("shift_adder.v", "negative.v", "ternary_adder.v")
    files = {name: (source / name).read_text() for name in names}
    tables = lookup_source([circuit])
    if tables:
        files["tables.v"] = tables
    files["peer.v"] = comb_logic_gen(circuit, "peer")
    return {
        "packing": packing,
        "adders": adders,
        "options": options,
        "files": files,
        "module": "peer",
        "outputs": outputs,
    }


def main():
    case = json.load(sys.stdin)
    matrix = np.array(case["matrix"], dtype=np.float32)
    bits = case["bits"]
    default = solved(matrix, bits, {})
    plain = solved(matrix, bits, {"binary_lut": False})
    choices = [{"binary_lut": False, "method0": method} for method in METHODS]
    if bits == 1:
        choices += [{"binary_lut_width": width} for width in WIDTHS]
    searched = [(options, solved(matrix, bits, options)) for options in choices]
    circuits = []
    for adders, make in (("ternary", fused), ("binary", lambda circuit: circuit)):
        if bits == 1:
            circuits.append(described(make(default), "tables", adders, {}))
        circuits.append(described(make(plain), "sums", adders, {"binary_lut": False}))
        # The least by its own count of LUTs.
        options, least = min(((options, make(circuit)) for options, circuit in searched), key=lambda pair: pair[1].cost)
        circuits.append(described(least, "searched", adders, options))
    json.dump({"version": version("alkaid"), "circuits": circuits}, sys.stdout)


main()
