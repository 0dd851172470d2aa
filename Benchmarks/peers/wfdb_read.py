#!/usr/bin/env python3
"""The peer of `resync-bench wfdb`: reads all records of a folder with the Python wfdb package.

    pip install wfdb && python wfdb_read.py DIR [EXTENSION]
"""
import glob
import json
import os
import sys
import time

import numpy as np
import wfdb

folder = sys.argv[1]
extension = sys.argv[2] if len(sys.argv) > 2 else None
names = sorted(p[:-4] for p in glob.glob(os.path.join(folder, "*.hea")))
fastest = float("inf")
for _ in range(3):
    samples = invalid = marks = 0
    start = time.perf_counter()
    for name in names:
        signal = wfdb.rdrecord(name, return_res=32).p_signal
        samples += signal.size
        invalid += int(np.isnan(signal).sum())
        if extension:
            marks += len(wfdb.rdann(name, extension).sample)
    fastest = min(fastest, time.perf_counter() - start)
print(f"{len(names)} records, {samples} samples ({invalid} invalid), {marks} annotations")
print(json.dumps({"bench": "wfdb", "peer": f"wfdb-python {wfdb.__version__}", "records": len(names), "samples": samples,
                  "invalid": invalid, "annotations": marks, "seconds": fastest,
                  "samples_per_second": samples / fastest}))
