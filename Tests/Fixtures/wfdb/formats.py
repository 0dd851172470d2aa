#!/usr/bin/env python3
"""Makes a record of every signal format, of several frames' layouts and of several segments, and formats.json with what
the Python wfdb package reads from each. See README.md."""
import json
import os
import sys

import numpy as np
import wfdb

mitdb, ludb, ptbxl = sys.argv[1:4]
here = os.path.dirname(os.path.abspath(__file__))
os.chdir(here)
FRAMES = 31
golden = {}


def first(folder):
    """The first record under the folder."""
    found = sorted(os.path.join(root, n) for root, _, names in os.walk(folder) for n in names if n.endswith(".hea"))
    return found[0][:-4]


def excerpt(bits, frames=FRAMES):
    """Three real signals that fill `bits` bits, with the extremes and an invalid sample."""
    a = wfdb.rdrecord(f"{mitdb}/208", physical=True, sampfrom=1000, sampto=1000 + frames).p_signal[:, 0]
    b = wfdb.rdrecord(f"{ludb}/2", physical=True, sampto=frames).p_signal[:, 1]
    c = wfdb.rdrecord(first(f"{ptbxl}/records100"), sampto=frames).p_signal[:, 6]
    top = 2 ** (bits - 1) - 1
    d = np.stack([np.round(x / np.abs(x).max() * 0.9 * top) for x in (a, b, c)], axis=1).astype(np.int64)
    d[7, 1], d[8, 1], d[9, 2] = top, -top, -top - 1
    return d


def signed(bits, values):
    return [int(v) & (2 ** bits - 1) for v in values]


def words(values, width, order):
    return b"".join(int(v).to_bytes(width, order) for v in values)


def pack310(v):
    v = signed(10, list(v) + [0] * (-len(v) % 3))
    out = b""
    for a, b, c in zip(v[0::3], v[1::3], v[2::3]):
        out += words([a << 1 | (c & 31) << 11, b << 1 | (c >> 5) << 11], 2, "little")
    return out


def pack311(v):
    v = signed(10, list(v) + [0] * (-len(v) % 3))
    return b"".join(words([a | b << 10 | c << 20], 4, "little") for a, b, c in zip(v[0::3], v[1::3], v[2::3]))


def differences(d, initial):
    """Format 8 as the WFDB library writes it: a difference beyond ±127 is capped and made up for in the next."""
    out, now = np.zeros(d.shape, dtype=np.int64), np.array(initial)
    for i, row in enumerate(d):
        out[i] = np.clip(row - now, -127, 127)
        now = now + out[i]
    return out, initial + np.cumsum(out, axis=0)


# The formats that wfdb does not write; bytes of the samples in the order of the file.
PACK = {
    "8": lambda v: words(signed(8, v), 1, "little"),
    "61": lambda v: words(signed(16, v), 2, "big"),
    "160": lambda v: words([x + 32768 for x in v], 2, "little"),
    "310": pack310,
    "311": pack311,
}
BITS = {"8": 9, "16": 16, "24": 24, "32": 32, "61": 16, "80": 8, "160": 16, "212": 12, "310": 10, "311": 10}


def header(name, lines, first_line):
    with open(name + ".hea", "w") as f:
        f.write("\n".join([first_line] + lines) + "\n")


def keep(name, expanded=False):
    """What wfdb reads: all digital samples and the first physical ones (null where invalid)."""
    digital = wfdb.rdrecord(name, physical=False, smooth_frames=not expanded)
    physical = wfdb.rdrecord(name, smooth_frames=not expanded)
    d = digital.e_d_signal if expanded else digital.d_signal.T
    p = physical.e_p_signal if expanded else physical.p_signal.T
    spf = digital.samps_per_frame if expanded else [1] * digital.n_sig
    most = max(spf)
    # Slower signals repeat, as in the WFDB library's high-resolution mode.
    golden[name] = {
        "sampleRateHz": float(digital.fs) * most,
        "digital": [[int(v) for v in np.repeat(x, most // s)] for x, s in zip(d, spf)],
        "millivolts": [[None if np.isnan(v) else round(float(v), 7) for v in np.repeat(x, most // s)[:10]]
                       for x, s in zip(p, spf)],
    }


for fmt, bits in BITS.items():
    d = excerpt(bits)
    name = f"f{fmt}"
    if fmt in ("16", "24", "32", "80", "212"):
        record = wfdb.Record(
            record_name=name, n_sig=3, fs=360, sig_len=FRAMES, file_name=[name + ".dat"] * 3, fmt=[fmt] * 3,
            adc_gain=[200.0, 100.5, 2 ** (bits - 4)], baseline=[0, 12, -5], units=["mV"] * 3, sig_name=["I", "II", "V1"],
            d_signal=d)
        record.set_d_features()
        record.set_defaults()
        record.wrsamp()
    else:
        initial = d[0] - [3, -200, 0] if fmt == "8" else d[0]
        stored = d
        if fmt == "8":
            stored, d = differences(d, initial)
        open(name + ".dat", "wb").write(PACK[fmt](list(stored.reshape(-1))))
        header(name, [
            f"{name}.dat {fmt} {g}({b})/mV {bits} 0 {initial[s]} {int(d[:, s].sum()) & 0xFFFF} 0 {n}" for s, (g, b, n)
            in enumerate([(200, 0, "I"), (100.5, 12, "II"), (2 ** (bits - 4), -5, "V1")])], f"{name} 3 360 {FRAMES}")
    keep(name)

# Skew (wfdb reads only one value of it in a file), a preamble, and no number of samples; counter, time and date in the record line.
d = excerpt(16)
open("skewed.dat", "wb").write(b"PREAMBLE" + words(signed(16, d.reshape(-1)), 2, "little"))
sums = [int(d[:, s].sum()) & 0xFFFF for s in range(3)]
header("skewed", [f"skewed.dat 16{k}+8 200/mV 16 0 {d[0, s]} {sums[s]} 0 {n}" for s, (k, n) in enumerate(
    [("", "I"), (":10", "II"), ("", "V1")])], f"skewed 3 360/36(1.5) {FRAMES} 13:05:07.25 25/4/1989")
keep("skewed")
open("open.dat", "wb").write(words(signed(16, d.reshape(-1)), 2, "little"))
header("open", [f"open.dat 16 200/mV 16 0 0 0 0 {n}" for n in ["I", "II", "V1"]], "open 3 360")
keep("open")

# Four samples of the first signal for two and one of the others, in each frame.
d = excerpt(12, 60)
e = [d[:60, 0], d[:30, 1], d[:15, 2]]
frames = np.concatenate([x.reshape(15, -1) for x in e], axis=1)
pairs = signed(12, list(frames.reshape(-1)) + [0])
open("frames.dat", "wb").write(b"".join(
    bytes([a & 255, a >> 8 | (b >> 8) << 4, b & 255]) for a, b in zip(pairs[0::2], pairs[1::2])))
header("frames", [f"frames.dat 212x{x} 200/mV 12 0 {v[0]} {int(v.sum()) & 0xFFFF} 0 {n}" for x, v, n in zip(
    [4, 2, 1], e, ["I", "II", "V1"])], "frames 3 90 15")
keep("frames", expanded=True)


def segment(name, d, names, gains, baselines, fmt):
    wfdb.wrsamp(name, 360, ["mV"] * len(names), names, d_signal=d, fmt=[fmt] * len(names), adc_gain=gains,
                baseline=baselines)


# Fixed layout: three segments in two formats, one of them twice.
d = excerpt(12, 71)
segment("fixed_a", d[:40], ["I", "II", "V1"], [200.0] * 3, [0] * 3, "16")
segment("fixed_b", d[40:71], ["I", "II", "V1"], [200.0] * 3, [0] * 3, "212")
header("fixed", ["fixed_a 40", "fixed_b 31", "fixed_a 40"], "fixed/3 3 360 111")
keep("fixed")

# Variable layout: a layout segment, a gap, signals that come and go, and a gain that changes.
header("varied_layout", [f"~ 0 {g}/mV 12 0 0 0 0 {n}" for g, n in [(200, "I"), (200, "II"), (100, "V1")]],
       "varied_layout 3 360 0")
segment("varied_a", d[:30, [0, 2]], ["I", "V1"], [200.0, 100.0], [0, 7], "16")
segment("varied_b", d[30:60, [2, 1]], ["V1", "II"], [130.0, 200.0], [-3, 0], "212")
header("varied", ["varied_layout 0", "varied_a 30", "~ 15", "varied_b 30"], "varied/4 3 360 75")
p = wfdb.rdrecord("varied").p_signal.T
golden["varied"] = {"sampleRateHz": 360.0, "digital": None, "millivolts": [
    [None if np.isnan(v) else round(float(v), 7) for v in x] for x in p]}

with open("formats.json", "w") as f:
    json.dump(golden, f, separators=(",", ":"), sort_keys=True)

# Annotations: a long interval, one that needs two SKIP words and one that steps back, in a file with a time resolution.
wfdb.wrann("ticks", "atr", np.array([0, 7, 1030, 3_000_000_000, 5_000_000_000]), ["N", "V", "A", "+", "N"],
           chan=np.array([0, 1, 1, 0, 0]), num=np.array([0, 9, 9, 0, 0]), subtype=np.array([0, 0, 3, 0, 0]),
           aux_note=["", "", "x", "(AFIB", "even"], fs=720)
a = wfdb.rdann("ticks", "atr")
with open("ticks.json", "w") as f:
    json.dump([{"sample": int(s), "symbol": c, "subtype": int(t), "channel": int(h), "number": int(n), "aux": x}
               for s, c, t, h, n, x in zip(a.sample, a.symbol, a.subtype, a.chan, a.num, a.aux_note)], f,
              separators=(",", ":"))
