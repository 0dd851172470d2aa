#!/usr/bin/env python3
"""Makes the first WFDB fixtures and their golden values with the Python wfdb package. See README.md."""
import json
import os
import sys

import numpy as np
import wfdb

mitdb, ludb = sys.argv[1], sys.argv[2]
here = os.path.dirname(os.path.abspath(__file__))
os.chdir(here)


def golden(name, extension=None):
    record = wfdb.rdrecord(name, physical=False)
    physical = wfdb.rdrecord(name)
    at = [int(i) for i in np.linspace(0, record.sig_len - 1, 50)]
    values = {
        "sampleRateHz": float(record.fs), "sampleCount": record.sig_len, "names": record.sig_name,
        "comments": record.comments, "gain": record.adc_gain, "baseline": record.baseline, "units": record.units,
        "checksum": [int(c) for c in record.checksum], "indices": at,
        "digital": [[int(v) for v in record.d_signal[at, s]] for s in range(record.n_sig)],
        "millivolts": [[float(v) for v in physical.p_signal[at, s]] for s in range(record.n_sig)],
        "sums": [int(record.d_signal[:, s].astype(np.int64).sum()) for s in range(record.n_sig)],
    }
    if extension:
        a = wfdb.rdann(name, extension)
        values["annotations"] = [
            {"sample": int(s), "symbol": c, "subtype": int(t), "channel": int(h), "number": int(n),
             "aux": x.rstrip("\0")}
            for s, c, t, h, n, x in zip(a.sample, a.symbol, a.subtype, a.chan, a.num, a.aux_note)]
    json.dump(values, open(f"{name}.json", "w"), separators=(",", ":"))


# One minute of MIT-BIH record 233: two leads, format 212, with its annotations.
source = wfdb.rdrecord(f"{mitdb}/233", physical=False, sampto=60 * 360)
marks = wfdb.rdann(f"{mitdb}/233", "atr", sampto=60 * 360 - 1)
wfdb.wrsamp("m233", 360, source.units, source.sig_name, d_signal=source.d_signal, fmt=["212", "212"],
            adc_gain=source.adc_gain, baseline=source.baseline, comments=source.comments)
wfdb.wrann("m233", "atr", marks.sample, marks.symbol, marks.subtype, marks.chan, marks.num, marks.aux_note)
golden("m233", "atr")

# Two seconds of LUDB record 1: twelve leads, format 16, in two files of six signals.
source = wfdb.rdrecord(f"{ludb}/1", physical=False, sampto=1000)
record = wfdb.Record(
    record_name="l1", n_sig=12, fs=500, sig_len=1000, file_name=["l1a.dat"] * 6 + ["l1b.dat"] * 6, fmt=["16"] * 12,
    adc_gain=source.adc_gain, baseline=source.baseline, units=source.units, sig_name=source.sig_name,
    comments=source.comments[:3], d_signal=source.d_signal)
record.set_d_features()
record.set_defaults()
record.wrsamp()
golden("l1")

# Every kind of word of the annotation format.
wfdb.wrann(
    "words", "atr", np.array([5, 1028, 2052, 70000, 70001, 5_000_000]), ["+", "N", "V", "A", '"', "/"],
    subtype=np.array([0, 3, 0, 2, 0, 0]), chan=np.array([0, 0, 1, 1, 0, 2]), num=np.array([0, 1, 1, 9, 0, 7]),
    aux_note=["(N", "", "odd", "", "a longer note", ""])
a = wfdb.rdann("words", "atr")
json.dump(
    [{"sample": int(s), "symbol": c, "subtype": int(t), "channel": int(h), "number": int(n), "aux": x.rstrip("\0")}
     for s, c, t, h, n, x in zip(a.sample, a.symbol, a.subtype, a.chan, a.num, a.aux_note)],
    open("words.json", "w"), separators=(",", ":"))
