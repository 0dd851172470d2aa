#!/usr/bin/env python3
"""Trains the network of the R-peak detector on half A of MIT-BIH and prints BeatNetworkWeights.swift.

Set up once:  python3 -m venv .venv && .venv/bin/pip install numpy==2.* scipy numba wfdb
Run:          .venv/bin/python rpeaks.py path/to/mitdb > BeatNetworkWeights.swift    (about five minutes on two cores)

Examples are the candidates of each record, with the features of Signal/CandidatePatch.swift and Signal/BeatMemory.swift
(repeated here), the memory being taught by the true beats at least 3.5 s old. Both channels of half A are used, as they
are and disturbed: other time scales and amplitudes, steeper or smoother waves, noise of four kinds in bursts, another
level. Half B and LUDB are never read.
"""
import math
import sys
from multiprocessing import Pool

import numba as nb
import numpy as np
import scipy.signal as ss
import wfdb

HALF_A = "101 106 108 109 112 114 115 116 118 119 122 124 203 205 207 208 209 215 220 223 230 102 104".split()
BEATS = set("NLRBAaJSVrFejnE/fQ?")
BANDS = [(0.8, 4), (3, 10), (8, 20), (20, 42)]
EDGES = np.array([0.30, 0.42, 0.54, 0.66, 0.78, 0.90, 1.02, 1.14, 1.26])
NEAR, PATCH, FEATURES = 60, 92, 98
LAG_SECONDS = 3.5


def moving_average(x, n):
    c = np.cumsum(np.r_[np.zeros(n), x])
    return np.maximum(0, (c[n:] - c[:-n]) / n)


def streams(x, fs):
    """Envelope (mV), amplitudes of the bands (mV), delay of the envelope in samples."""
    x = (x - x[0]).astype(np.float64)
    x = np.r_[x, np.full(int(1.5 * fs), x[-1])]
    bands = [ss.sosfilt(ss.cheby1(2, 0.5, b, "bandpass", fs=fs, output="sos"), x) for b in BANDS]
    slope = np.diff(np.r_[0, bands[2]]) * fs / 50
    long, short = int(0.1 * fs) | 1, int(0.05 * fs) | 1
    envelope = np.sqrt(moving_average(moving_average(slope * slope, long), short))
    amplitudes = np.stack([np.sqrt(moving_average(y * y, short)) for y in bands], 1).astype(np.float32)
    return envelope, amplitudes, (long - 1) // 2 + (short - 1) // 2 + round(0.036 * fs)


@nb.njit
def candidates(e, reach):
    out = []
    for i in range(reach, len(e) - reach):
        if e[i] >= 0.01 and e[i] >= e[i - 1] and e[i] > e[i + 1] and e[i - reach:i + reach + 1].max() <= e[i]:
            out.append(i)
    return np.array(out)


@nb.njit
def patches(e, amplitudes, places, fs, edges):
    out = np.zeros((len(places), PATCH), np.float32)
    least, step, lead = 0.002, max(1, int(0.02 * fs)), int(round(0.05 * fs))
    for i, c in enumerate(places):
        k = 0
        for t in range(-7, 8):
            j = c + int(round(t * 0.04 * fs)) - lead
            for b in range(4):
                out[i, k] = math.log(max(amplitudes[j, b], least)) if 0 <= j < len(e) else math.log(least)
                k += 1
        for sign in (-1, 1):
            for q in range(len(edges) - 1):
                a, z = c + int(round(sign * edges[q] * fs)), c + int(round(sign * edges[q + 1] * fs))
                highest, wide = least, least
                for j in range(min(a, z), max(a, z), step):
                    if 0 <= j < len(e):
                        highest, wide = max(highest, e[j]), max(wide, amplitudes[j, 1])
                out[i, k], out[i, k + 1] = math.log(highest), math.log(wide)
                k += 2
    return out


@nb.njit
def crests(e, amplitudes, places, fs):
    out = np.zeros(len(places), np.float32)
    for i, c in enumerate(places):
        a, z = max(0, c - int(2 * fs)), min(len(e), c + int(fs))
        energy = (amplitudes[a:z, :3] ** 2).sum() / (z - a)
        out[i] = math.log(max(e[a:z:3].max(), 1e-3) / math.sqrt(max(1e-6, energy)))
    return out


@nb.njit
def distance(patch, mean):
    return np.abs(patch[:NEAR] - mean).sum() / NEAR


@nb.njit
def learn(patch, height, recent, long, means, counts, seen, beats):
    level = min(math.log(max(height, 0.01)), np.median(recent) + 0.7)
    recent[:-1] = recent[1:].copy()
    recent[-1] = level
    long[:-1] = long[1:].copy()
    long[-1] = level
    best, least = -1, 1e9
    for k in range(3):
        if counts[k] > 0 and distance(patch, means[k]) < least:
            best, least = k, distance(patch, means[k])
    if best >= 0 and least <= 0.45:
        counts[best] = min(counts[best] + 1, 64)
        means[best] += (patch[:NEAR] - means[best]) / min(counts[best], 12)
    else:
        best = 0
        for k in range(3):
            if counts[k] == 0:
                best = k
                break
            if seen[k] + 4 * min(counts[k], 20) < seen[best] + 4 * min(counts[best], 20):
                best = k
        means[best], counts[best] = patch[:NEAR], 1
    seen[best] = beats


@nb.njit
def features(patches, heights, places, is_beat, crest, start, fs):
    out = np.zeros((len(places), FEATURES), np.float32)
    recent, long = np.full(5, math.log(start)), np.full(24, math.log(start))
    means, counts, seen = np.zeros((3, NEAR), np.float32), np.zeros(3), np.zeros(3)
    done = beats = 0
    for i in range(len(places)):
        while places[done] < places[i] - LAG_SECONDS * fs:
            if is_beat[done]:
                learn(patches[done], heights[done], recent, long, means, counts, seen, beats)
                beats += 1
            done += 1
        level, height = np.median(recent), math.log(max(heights[i], 0.01))
        for j in range(PATCH):
            out[i, j] = max(-4.0, min(2.5, patches[i, j] - level))
        least, main = 2.0, 0
        for k in range(3):
            if counts[k] > 0:
                least = min(least, distance(patches[i], means[k]))
                main = k if counts[k] > counts[main] else main
        known = counts[main] > 0
        out[i, PATCH:] = np.array([
            height - level, height - np.median(long), least,
            min(2.0, distance(patches[i], means[main])) if known else 2.0, crest[i], 1.0 if known else 0.0,
        ], np.float32)
    return out


def examples(x, beats, fs):
    """Features of each candidate, and its label: 1 a beat, 0 none, −1 another candidate of a beat."""
    e, amplitudes, delay = streams(x, fs)
    places = candidates(e[:len(x) + 60], int(fs / 10))
    heights, times, tolerance = e[places], places - delay, 0.15 * fs
    labels, near = np.zeros(len(places), np.int8), np.zeros(len(places), bool)
    for beat in beats:
        k = np.searchsorted(times, beat)
        around = [j for j in range(max(0, k - 2), min(len(times), k + 2)) if abs(times[j] - beat) <= tolerance]
        near[around] = True
        if around:
            labels[max(around, key=lambda j: heights[j] * (1 - 0.7 * abs(times[j] - beat) / tolerance))] = 1
    labels[near & (labels == 0)] = -1
    start = max(0.02, 0.8 * np.median([e[i * fs:(i + 1) * fs].max() for i in range(5)]))
    read = patches(e, amplitudes, places, float(fs), EDGES)
    crest = crests(e, amplitudes, places, float(fs))
    return features(read, heights, places, labels == 1, crest, start, float(fs)), labels


def disturbed(x, beats, rng, noise_spread, noise_most, change):
    n = len(x)
    z = x.copy()
    if change:
        kind = rng.random()
        if kind < 0.35:
            z = x * rng.uniform(0, 1) + ss.lfilter([1, -1], [1, -0.9], x) * rng.uniform(0.5, 2.0)
        elif kind < 0.7:
            width = int(rng.integers(3, 14))
            z = np.convolve(x, np.ones(width) / width, "same")
            z = z + rng.uniform(-0.3, 0.6) * (x - z)
    size = np.median(np.abs(z[beats[(beats > 3) & (beats < n - 3)]] - np.median(z))) + 0.05
    if not change:
        return z
    kind = rng.integers(0, 4)
    if kind == 0:
        noise = rng.standard_normal(n)
    elif kind == 1:
        noise = np.convolve(rng.standard_normal(n), np.ones(12) / 3.5, "same")
    elif kind == 2:
        noise = ss.lfilter([1], [1, -0.97], rng.standard_normal(n)) * 0.3
    else:
        steps = (rng.random(n) < 1 / rng.uniform(200, 3000)) * rng.standard_normal(n) * 4
        noise = ss.lfilter([1], [1, -rng.choice([0.8, 0.95, 0.995])], steps)
    bursts = np.interp(np.arange(n), np.arange(0, n + 1800, 1800), rng.normal(-3.0, noise_spread, n // 1800 + 2))
    z = z + noise * np.minimum(np.exp(bursts), noise_most) * size
    drift = np.interp(np.arange(n), np.arange(0, n + 7200, 7200), rng.normal(0, 0.15, n // 7200 + 2))
    return z * np.exp(rng.normal(0, 0.7)) * np.exp(drift)


def load(job):
    folder, name, channel, variant = job
    x = wfdb.rdsamp(folder + name)[0][:, channel].astype(np.float64)
    marks = wfdb.rdann(folder + name, "atr")
    beats = np.array([s for s, c in zip(marks.sample, marks.symbol) if c in BEATS])
    if variant is None:
        return examples(x.astype(np.float32), beats, 360)
    rng = np.random.default_rng([int(name), channel, variant])
    rate = int(rng.integers(290, 440))
    strong = variant >= (5 if channel == 0 else 3)
    z = disturbed(x, beats, rng, *((1.5, 1.0) if strong else (1.3, 0.7)), change=variant > 0)
    return examples(z.astype(np.float32), beats, rate)


def train(X, y, seed=0, hidden=(24, 12), epochs=8, batch=1024, rate=4e-3, decay=1e-3):
    rng = np.random.default_rng(seed)
    mean, spread = X.mean(0), X.std(0) + 0.05
    Z = ((X - mean) / spread).astype(np.float32)
    sizes = (Z.shape[1],) + hidden + (1,)
    P = [rng.standard_normal((a, b)).astype(np.float32) * np.sqrt(2 / a) for a, b in zip(sizes, sizes[1:])]
    K = len(P)
    P += [np.zeros(b, np.float32) for b in sizes[1:]]
    M, V, t, steps = [0 * p for p in P], [0 * p for p in P], 0, epochs * (len(Z) // batch)
    for _ in range(epochs):
        order = rng.permutation(len(Z))
        for i in range(0, len(Z) - batch + 1, batch):
            chosen = order[i:i + batch]
            a = [Z[chosen]]
            for k in range(K):
                z = a[-1] @ P[k] + P[K + k]
                a.append(np.maximum(z, 0) if k < K - 1 else z)
            g = ((1 / (1 + np.exp(-a[-1][:, 0])) - y[chosen]) / batch)[:, None].astype(np.float32)
            G = [None] * (2 * K)
            for k in range(K - 1, -1, -1):
                G[k], G[K + k] = a[k].T @ g + decay * P[k], g.sum(0)
                if k:
                    g = (g @ P[k].T) * (a[k] > 0)
            t += 1
            step = rate * 0.5 * (1 + np.cos(np.pi * t / steps))
            for j in range(2 * K):
                M[j] = 0.9 * M[j] + 0.1 * G[j]
                V[j] = 0.999 * V[j] + 0.001 * G[j] ** 2
                P[j] = P[j] - step * (M[j] / (1 - 0.9**t)) / (np.sqrt(V[j] / (1 - 0.999**t)) + 1e-8)
    # The normalisation goes into the first layer.
    return [P[0] / spread[:, None]] + P[1:K], [P[K] - mean @ (P[0] / spread[:, None])] + P[K + 1:]


def main():
    folder = sys.argv[1].rstrip("/") + "/"
    plain = [(folder, r, 0, None) for r in HALF_A]
    first = [(folder, r, c, k) for r in HALF_A for c, k in [(0, 1), (0, 2), (0, 3), (0, 4), (1, 0), (1, 1), (1, 2)]]
    strong = [(folder, r, c, k) for r in HALF_A for c, k in
              [(0, j) for j in range(5, 13)] + [(1, j) for j in range(3, 7)]]
    with Pool(2) as pool:
        parts = pool.map(load, plain + first + strong, chunksize=4)
    parts = parts[:len(plain)] + parts
    X = np.concatenate([p[0] for p in parts])
    y = np.concatenate([p[1] for p in parts])
    kept = y >= 0
    X, y = X[kept], y[kept].astype(np.float32)
    # A level that is somewhat wrong; the first, undisturbed part keeps its own.
    rng = np.random.default_rng(0)
    shift = (rng.standard_normal(len(X)) * 0.2).astype(np.float32)
    shift[:sum((p[1] >= 0).sum() for p in parts[:len(plain)])] = 0
    X[:, :PATCH] -= shift[:, None]
    X[:, PATCH] -= shift
    X[:, PATCH + 1] -= shift * rng.random(len(X)).astype(np.float32)
    np.clip(X[:, :PATCH], -4, 2.5, out=X[:, :PATCH])
    weights, biases = train(X, y)
    flat = np.concatenate([v for pair in zip(weights, biases) for v in (pair[0].ravel(), pair[1])])
    line, lines = "   ", []
    for value in np.rint(flat * 4096).astype(int):
        if len(line) + len(f" {value},") > 118:
            lines.append(line)
            line = "   "
        line += f" {value},"
    print("/// Made by `Benchmarks/training/rpeaks.py` on half A of MIT-BIH; see there. Units of 1/4,096.")
    print("enum BeatNetworkWeights {\n  /// Weights [input][output], then biases, layer by layer.\n  // swift-format-ignore")
    print("  static let values: [Int32] = [\n" + "\n".join(lines + [line]) + "\n  ]\n}")


if __name__ == "__main__":
    main()
