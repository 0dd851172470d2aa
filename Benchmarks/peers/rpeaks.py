#!/usr/bin/env python3
"""Peer figures for R-peak detection on the 48 records of mitdb, first channel, whole record, +/-150 ms.

Set up once:  python3 -m venv .peer && .peer/bin/pip install wfdb neurokit2
Run:          .peer/bin/python rpeaks.py path/to/mitdb gqrs|xqrs|nk_neurokit|nk_pantompkins1985|nk_zong2003
Reference: every beat annotation (109,494). Matching is one to one, in order.
"""
import json, sys, time, warnings
import numpy as np, wfdb
from wfdb import processing
warnings.filterwarnings("ignore")
folder, method = sys.argv[1].rstrip("/") + "/", sys.argv[2]
BEATS = set("NLRBAaJSVrFejnE/fQ?")
TOLERANCE = 54  # samples at 360 Hz = 150 ms

def detect(x):
    if method == "xqrs": return processing.xqrs_detect(x, 360, verbose=False)
    if method == "gqrs": return processing.gqrs_detect(x, 360)
    import neurokit2 as nk
    m = method[3:]
    clean = nk.ecg_clean(x, 360, method=m if m != "zong2003" else "neurokit")
    return nk.ecg_peaks(clean, 360, method=m)[1]["ECG_R_Peaks"]

def match(ref, det):
    i = j = tp = 0
    while i < len(ref) and j < len(det):
        d = det[j] - ref[i]
        if abs(d) <= TOLERANCE: tp += 1; i += 1; j += 1
        elif d < 0: j += 1
        else: i += 1
    return tp, len(ref) - tp, len(det) - tp

total, seconds = np.zeros(3, int), 0.0
for record in open(folder + "RECORDS").read().split():
    x = wfdb.rdsamp(folder + record)[0][:, 0]
    ann = wfdb.rdann(folder + record, "atr")
    ref = np.array([s for s, c in zip(ann.sample, ann.symbol) if c in BEATS])
    t = time.process_time(); det = np.asarray(detect(x)); seconds += time.process_time() - t
    total += match(ref, det)
tp, fn, fp = (int(v) for v in total)
print(json.dumps({"method": method, "tp": tp, "fn": fn, "fp": fp, "sensitivity": round(100 * tp / (tp + fn), 3),
                  "ppv": round(100 * tp / (tp + fp), 3), "detection_error_rate": round(100 * (fn + fp) / (tp + fn), 3),
                  "seconds": round(seconds, 1)}))
