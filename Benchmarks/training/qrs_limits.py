#!/usr/bin/env python3
"""Fits the network of QRSDelineator on LUDB's records with odd numbers and writes its weights as Swift.

  resync-bench qrs --db ludb --export beats
  pip install jax==0.10.2 numpy==2.4.6 scipy
  python qrs_limits.py beats Shared/ResyncCore/TwelveLead/QRSDelineatorWeights.swift

Prints the errors on both halves; the even half takes no part in the fit. About ten minutes on two cores.
"""
import argparse
import base64
import time

import jax
import jax.numpy as jnp
import numpy as np
from scipy.ndimage import convolve1d
from scipy.signal import firwin

# As in QRSDelineator.swift: places in steps of 4 ms from the R-peak, which is sample 250 of the exported windows.
FIRST, LAST, PEAK = -60, 70, 250
CORE = slice(-30 - FIRST, 35 - FIRST)
PLACES = LAST - FIRST
CHANNELS, WIDTH, TAPS, DILATIONS, JOINING = 5, 24, 7, (1, 2, 4, 2), 2

EPOCHS, BATCH, RATE, DECAY = 70, 32, 2e-3, 5e-3
LABEL_SPREAD = 1.5  # places, of the soft label around the mark
HUBER, HUBER_WEIGHT = 8.0, 0.3


def features(beats):
    """[beat][lead][sample] at 500 Hz to [beat][lead][place][channel]; the twin of QRSDelineator.features."""
    n = np.arange(FIRST, LAST) * 2 + PEAK
    slope = (beats[..., n + 1] + beats[..., n + 2] - beats[..., n - 1] - beats[..., n - 2]) / 6
    steepest = np.abs(slope[..., CORE]).max(-1, keepdims=True) + 1e-6
    velocity = np.sqrt((slope**2).sum(1, keepdims=True))
    fastest = velocity[..., CORE].max(-1, keepdims=True) + 1e-6
    level = (beats[..., n - 1] + 2 * beats[..., n] + beats[..., n + 1]) / 4
    level = level - np.median(level, -1, keepdims=True)
    largest = np.abs(level[..., CORE]).max(-1, keepdims=True) + 1e-6

    def log(x):
        return np.broadcast_to(np.log(x + 0.003) / 3 + 1, slope.shape)

    parts = [slope / steepest, level / largest, log(np.abs(slope) / steepest), log(velocity / fastest),
             log(steepest / fastest)]
    return np.stack(parts, -1).astype(np.float32)


def initial(key):
    keys = jax.random.split(key, len(DILATIONS) + 2)
    weights = {}
    for layer in range(len(DILATIONS)):
        inputs = CHANNELS if layer == 0 else 2 * WIDTH if layer == JOINING else WIDTH
        scale = np.sqrt(2 / (TAPS * inputs)) * (1 if layer <= JOINING else 0.5)
        weights[f"w{layer}"] = scale * jax.random.normal(keys[layer], (TAPS, inputs, WIDTH))
        weights[f"b{layer}"] = jnp.zeros(WIDTH)
    weights["names"] = jnp.zeros((12, WIDTH))
    weights["lead"] = jax.random.normal(keys[-1], (WIDTH, 2)) / np.sqrt(WIDTH)
    weights["leadBias"] = jnp.zeros(2)
    weights["global"] = jax.random.normal(keys[-2], (2 * WIDTH, 2)) / np.sqrt(WIDTH)
    weights["globalBias"] = jnp.zeros(2)
    return weights


def convolved(x, weights, bias, dilation):
    reach = dilation * (TAPS // 2)
    wide = jnp.pad(x, [(0, 0)] * (x.ndim - 2) + [(reach, reach), (0, 0)])
    taps = jnp.concatenate([wide[..., tap * dilation:tap * dilation + PLACES, :] for tap in range(TAPS)], -1)
    return taps @ weights.reshape(-1, weights.shape[-1]) + bias


def scores(weights, x, present):
    """[beat][lead][place][channel] to [beat][lead, then global][place][onset, offset]."""
    mask = present[:, :, None, None]
    for layer, dilation in enumerate(DILATIONS):
        if layer == JOINING:
            mean = (x * mask).sum(1, keepdims=True) / jnp.maximum(mask.sum(1, keepdims=True), 1)
            x = jnp.concatenate([x, jnp.broadcast_to(mean, x.shape)], -1)
        y = convolved(x, weights[f"w{layer}"], weights[f"b{layer}"], dilation)
        if layer == JOINING:
            y = y + weights["names"][None, :, None, :]
        y = jax.nn.relu(y)
        x = x + y if layer > JOINING else y
    together = jnp.concatenate([(x * mask).sum(1) / jnp.maximum(mask.sum(1), 1), (x * mask).max(1)], -1)
    lead = x @ weights["lead"] + weights["leadBias"]
    return jnp.concatenate([lead, (together @ weights["global"] + weights["globalBias"])[:, None]], 1)


PLACE = jnp.arange(PLACES) * 1.0


def expected(logits):
    return (jax.nn.softmax(logits, 2) * PLACE[None, None, :, None]).sum(2)


def loss(weights, x, present, target):
    logits = scores(weights, x, present)
    known = jnp.isfinite(target)
    target = jnp.where(known, target, 0)
    label = jnp.exp(-0.5 * ((PLACE[None, None, :, None] - target[:, :, None, :]) / LABEL_SPREAD) ** 2)
    label = label / label.sum(2, keepdims=True)
    entropy = -(label * jax.nn.log_softmax(logits, 2)).sum(2)
    error = jnp.abs(expected(logits) - target)
    huber = jnp.where(error < HUBER, 0.5 * error**2, HUBER * error - 0.5 * HUBER**2)
    return jnp.where(known, entropy + HUBER_WEIGHT * huber, 0).sum() / known.sum()


@jax.jit
def step(weights, first, second, number, rate, x, present, target):
    value, gradient = jax.value_and_grad(loss)(weights, x, present, target)
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
    second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)

    def move(w, m, v):
        return w - rate * (m / (1 - 0.9**number) / (jnp.sqrt(v / (1 - 0.999**number)) + 1e-8) + DECAY * w)

    return jax.tree.map(move, weights, first, second), first, second, value


predict = jax.jit(lambda weights, x: expected(scores(weights, x, jnp.ones(x.shape[:2]))))


def augmented(beats, target, chance):
    """Signs, sizes, R-peaks moved by up to 24 ms, time stretched, noise, hum, a low-pass of 35-100 Hz."""
    n = len(beats)
    beats = beats * np.where(chance.random((n, 12, 1)) < 0.5, -1, 1)
    beats = beats * np.exp(0.4 * chance.standard_normal((n, 12, 1)))
    target = target.copy()
    time_axis = np.arange(beats.shape[-1]) - float(PEAK)
    for k, shift in enumerate(chance.integers(-12, 13, n)):
        beats[k] = np.roll(beats[k], shift, -1)
        target[k] += shift / 2
        if chance.random() < 0.6:
            stretch = np.clip(np.exp(chance.normal(0.05, 0.15)), 0.7, 1.8)
            place = np.clip(time_axis / stretch + PEAK, 0, len(time_axis) - 1)
            left = np.minimum(place.astype(int), len(time_axis) - 2)
            part = place - left
            beats[k] = beats[k][:, left] * (1 - part) + beats[k][:, left + 1] * part
            moved = (target[k] + FIRST) * stretch - FIRST
            target[k] = np.where((moved < 1) | (moved > PLACES - 2), np.nan, moved)
    size = np.minimum(np.abs(beats[..., 200:300]).max(-1, keepdims=True), 1)
    noise = chance.standard_normal(beats.shape) * np.exp(chance.normal(-5, 1, (n, 1, 1)))
    phase = 2 * np.pi * (50 * np.arange(beats.shape[-1]) / 500 + chance.random((n, 12, 1)))
    beats = beats + 0.6 * size * (noise + np.sin(phase) * np.exp(chance.normal(-5.5, 1, (n, 1, 1))))
    smooth = chance.random(n) < 0.3
    if smooth.any():
        taps = firwin(41, chance.uniform(35, 100), fs=500)
        beats[smooth] = convolve1d(beats[smooth], taps, axis=-1, mode="nearest")
    return beats.astype(np.float32), target


def load(path):
    rows = np.array([line.split() for line in open(path + ".txt")], float)
    beats = np.fromfile(path + ".f32", np.float32).reshape(len(rows), 12, 550)
    marks = rows[:, 1:].reshape(-1, 12, 2)
    together = np.full((len(rows), 1, 2), np.nan)
    for k, beat in enumerate(marks):
        both = beat[np.isfinite(beat).all(1)]
        if len(both) >= 10:
            together[k, 0] = np.sort(both[:, 0])[2], np.sort(both[:, 1])[-3]
    return rows[:, 0].astype(int), beats, np.concatenate([marks, together], 1) / 2 - FIRST


def report(name, found, target):
    error = 4 * (found - target)
    duration = error[:, 12, 1] - error[:, 12, 0]
    wide = 4 * (target[:, 12, 1] - target[:, 12, 0]) >= 120
    rows = [("onset", error[:, :12, 0]), ("offset", error[:, :12, 1]), ("global onset", error[:, 12, 0]),
            ("global offset", error[:, 12, 1]), ("duration", duration), ("duration, QRS >= 120 ms", duration[wide])]
    for label, values in rows:
        print(f"{name:5} {label:24} {np.nanmean(values):6.2f} +- {np.nanstd(values):5.2f} ms", flush=True)


def write(weights, path):
    order = [f"{kind}{layer}" for layer in range(len(DILATIONS)) for kind in "wb"]
    order += ["names", "lead", "leadBias", "global", "globalBias"]
    values = np.concatenate([np.asarray(weights[key]).astype("<f2").ravel() for key in order])
    text = base64.b64encode(values.tobytes()).decode()
    with open(path, "w") as file:
        file.write("// Made by Benchmarks/training/qrs_limits.py; not to be edited by hand.\n\n")
        file.write("extension QRSDelineatorWeights {\n")
        file.write(f"  /// {len(values)} weights as little-endian float16.\n  static let fittedBase64 = \"\"\"\n")
        for at in range(0, len(text), 116):
            file.write(f"    {text[at:at + 116]}\n")
        file.write("    \"\"\"\n}\n")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("beats", help="path given to --export")
    arguments.add_argument("swift", help="file to write")
    arguments = arguments.parse_args()
    record, beats, target = load(arguments.beats)
    halves = {"odd": np.where(record % 2 == 1)[0], "even": np.where(record % 2 == 0)[0]}
    chance = np.random.default_rng(0)
    weights = initial(jax.random.PRNGKey(0))
    first = jax.tree.map(jnp.zeros_like, weights)
    second = first
    order, number = halves["odd"].copy(), 0
    steps = EPOCHS * (len(order) // BATCH)
    start = time.time()
    for epoch in range(EPOCHS):
        chance.shuffle(order)
        for at in range(0, len(order) - BATCH + 1, BATCH):
            chosen = order[at:at + BATCH]
            x, y = augmented(beats[chosen], target[chosen], chance)
            present = np.ones((BATCH, 12), np.float32)
            for k in np.where(chance.random(BATCH) < 0.2)[0]:
                present[k, chance.permutation(12)[:chance.integers(1, 11)]] = 0
            seen = np.concatenate([present, np.ones((BATCH, 1))], 1)[:, :, None] > 0
            number += 1
            rate = RATE * min(1, number / 100) * 0.5 * (1 + np.cos(np.pi * number / steps))
            weights, first, second, value = step(
                weights, first, second, number, rate, features(x * present[:, :, None]), present,
                np.where(seen, y, np.nan).astype(np.float32))
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}, loss {float(value):.3f}, {time.time() - start:.0f} s", flush=True)
    x = features(beats)
    found = np.concatenate([np.asarray(predict(weights, x[at:at + 128])) for at in range(0, len(x), 128)])
    for name, rows in halves.items():
        report(name, found[rows], target[rows])
    write(weights, arguments.swift)


if __name__ == "__main__":
    main()
