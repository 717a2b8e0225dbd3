"""Read a .hbnn file of version 2 or 3: python3 read_hbnn.py model.hbnn. Needs Python 3.8 and no package."""
import math
import struct
import sys
import zlib

GRANULARITIES = ["element", "position", "input", "output", "channel", "tensor"]


def cbor(data, at=0):
    """A value of the header, and where it ends."""
    if data[at] == 0xFB:
        return struct.unpack_from(">d", data, at + 1)[0], at + 9
    kind, n = data[at] >> 5, data[at] & 31
    at += 1
    if n >= 24:
        size = 1 << (n - 24)
        n, at = int.from_bytes(data[at : at + size], "big"), at + size
    if kind == 0:
        return n, at
    if kind == 1:
        return -1 - n, at
    if kind == 3:
        return data[at : at + n].decode(), at + n
    values = []
    for _ in range(n):
        value, at = cbor(data, at)
        values.append(value)
    return values, at


def read_map(code, counts):
    """The bitwidths of all units, from their coded section and their counts."""
    total = sum(counts)
    if sum(count > 0 for count in counts) < 2:
        return [counts.index(max(counts))] * total
    shares = [max(1, math.floor(c / total * 4096 + 0.5)) if c else 0 for c in counts]
    largest = shares.index(max(shares))
    shares[largest] += 4096 - sum(shares)
    starts = [sum(shares[:width]) for width in range(9)]
    words = struct.unpack(f"<{len(code) // 2}H", code)
    state, at, widths = words[0] * 65536 + words[1], 2, []
    for _ in range(total):
        slot = state % 4096
        width = max(w for w in range(9) if shares[w] and starts[w] <= slot)
        widths.append(width)
        state = shares[width] * (state // 4096) + slot - starts[width]
        if state < 65536:
            state, at = state * 65536 + words[at], at + 1
    assert state == 65536 and at == len(words), "the map is damaged"
    return widths


def unit(per, shape, i):
    """The unit of weight i."""
    inputs, row = shape[-1], math.prod(shape[1:])
    if per == "element":
        return i
    if per == "output":
        return i // row
    if per == "position":
        return i % row
    if per == "input":
        return i % inputs
    size = int(per[len("block:") :])
    return i // inputs * math.ceil(inputs / size) + i % inputs // size


def named(per):
    return GRANULARITIES[per] if isinstance(per, int) else per


def read_weights(fields, section):
    """Weights as whole numbers, row by row."""
    if fields[0] == 1:
        return [byte - 256 if byte > 127 else byte for byte in section()]
    _, shape, map_per, scale_per, planes, counts = fields
    widths = read_map(section(), counts)
    total = math.prod(shape)
    bits = [widths[unit(named(map_per), shape, i)] for i in range(total)]
    packed, at = section(), 0
    signs = [[0] * total for _ in range(planes)]
    for plane in range(planes):
        for i in range(total):
            if bits[i] > plane:
                signs[plane][i] = 1 if packed[at // 8] >> at % 8 & 1 else -1
                at += 1
    values = [0] * total
    for plane in range(planes):
        multiples = section()
        for i in range(total):
            output = i // (total // shape[0]) if named(scale_per) == "output" else 0
            values[i] += signs[plane][i] * multiples[output]
    return values


def read(path):
    data = open(path, "rb").read()
    magic, major, minor, length, crc = struct.unpack_from("<4sHHII", data)
    assert magic == b"HBNN" and major in (2, 3) and minor == 0, "no .hbnn file of version 2.0 or 3.0"
    header = data[16 : 16 + length]
    assert zlib.crc32(header) == crc, "the header is damaged"
    name, (shape, zeros), classes, factor, offsets, layers, list_of_sections, *sources = cbor(header)[0]
    sections, at = [], 16 + length
    for size, crc in zip(list_of_sections[::2], list_of_sections[1::2]):
        sections.append(data[at : at + size])
        assert zlib.crc32(sections[-1]) == crc, "a section is damaged"
        at += size
    section = iter(sections).__next__
    print(f"{name}: input {shape}, {len(classes)} classes, {len(data)} bytes")
    for index, (kind, layer, *fields) in enumerate(layers):
        if kind in (0, 1, 2):
            values = read_weights(fields[-1], section)
            print(f"  {layer}: {len(values)} weights from {min(values)} to {max(values)}")
        elif kind == 5:
            widths = read_map(section(), fields[2])
            multiples = list(section())
            thresholds = section()
            section()  # flips
            print(f"  {layer}: {len(thresholds) // 4} thresholds, multiples {multiples}, widths {set(widths)}")
        elif kind == 6:
            multipliers, _, _ = section(), section(), section()
            print(f"  {layer}: rounding of {len(multipliers) // 2} channels")
        elif kind in (7, 8):
            inputs = [layers[source][1] for source in sources[0][index]]
            channels = [len(section()) // 2 for _ in inputs] if kind == 7 else []
            print(f"  {layer}: {'sum' if kind == 7 else 'concatenation'} of {inputs} {channels}")
        else:
            print(f"  {layer}: pooling")
    assert at == len(data), "bytes are left over"


if __name__ == "__main__":
    read(sys.argv[1])
