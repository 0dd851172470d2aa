#!/usr/bin/env python3
"""Makes the golden values of the signal tests with NumPy, SciPy and hashlib. See README.md."""
import hashlib
import json
import os

import numpy as np
import scipy.signal as ss

os.chdir(os.path.dirname(os.path.abspath(__file__)))


def wave(count):
    n = np.arange(count, dtype=np.float64)
    return (np.sin(0.1 * n) + 0.5 * np.sin(0.73 * n + 1) + 0.25 * np.cos(n * n / 900)).astype(np.float32)


cases = []
for window, length, hop, nfft, count, zeros in (
    ("hann", 64, 8, 256, 200, True), ("hamming", 512, 64, 512, 512, True), ("hann", 33, 7, 64, 120, True),
    ("hamming", 48, 16, 48, 150, False), ("hann", 64, 8, 64, 130, False)):
    with np.errstate(all="ignore"):
        z = ss.stft(wave(count), 1, window=window, nperseg=length, noverlap=length - hop, nfft=nfft,
                    boundary="zeros" if zeros else None, padded=zeros)[2]
    magnitude = np.abs(z).astype(np.float64).T  # [frame][bin]
    cases.append({"window": window, "length": length, "hop": hop, "fft": nfft, "count": count, "zeros": zeros,
                  "frames": magnitude.shape[0], "magnitudes": [float(f"{v:.7g}") for v in magnitude.ravel()]})
json.dump(cases, open("stft.json", "w"), separators=(",", ":"))

impulse = np.zeros(80)
impulse[0] = 1
responses = []
for rate in (100, 360, 1000):
    sos = ss.cheby1(2, 0.5, [8, 20], btype="bandpass", fs=rate, output="sos")
    responses.append({"rate": rate, "response": ss.sosfilt(sos, impulse).tolist()})
json.dump(responses, open("bandpass.json", "w"), separators=(",", ":"))

# Chained hash of three leads of wave(), lead l scaled by l + 1.
hashes = []
for count in (0, 1, 1024, 2500):
    planes = np.stack([wave(count) * np.float32(lead + 1) for lead in range(3)], axis=1).astype("<f4")
    planes = np.round(planes * 1000).astype("<f4")  # whole numbers: equal in any language
    chain = bytes(32)
    for start in range(0, count, 1024):
        chain = hashlib.sha256(chain + planes[start:start + 1024].tobytes()).digest()
    hashes.append({"count": count, "sha256": chain.hex()})
json.dump(hashes, open("hashes.json", "w"), separators=(",", ":"))
