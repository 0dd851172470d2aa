#!/usr/bin/env python3
"""Our network against PyTorch, ONNX Runtime and OpenVINO on this CPU, both sides alternately; prints median ratios.

    make bench-network                                     all figures
    python3 Benchmarks/network.py --archs resnet18         one network
    python3 Benchmarks/network.py --jobs infer infer-1     one kind of figure

Each pair runs our side and the other in turn, each in a process of its own, and gives one ratio: ours over the better of
the peers (training: the better of PyTorch's two memory layouts, found in the first pair). float32 on both sides.
"""
import argparse, json, statistics, subprocess, sys

JOBS = ("train", "infer", "infer-1")

parser = argparse.ArgumentParser()
parser.add_argument("--archs", nargs="+", default=["resnet18", "resnet50", "resnet101"])
parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS))
parser.add_argument("--pairs", type=int, default=5)
parser.add_argument("--batch", type=int, default=64)
parser.add_argument("--side", type=int, default=64)
parser.add_argument("--channels", type=int, default=1)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--bench", default=".build/release/resync-bench")
parser.add_argument("--python", default=".peer/bin/python", help="has torch, torchvision, onnx, onnxruntime, openvino")
arguments = parser.parse_args()


def lines(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def shape(job):
    batch, repeats = (1, 100) if job == "infer-1" else (arguments.batch, 5)
    return ["--batch", str(batch), "--side", str(arguments.side), "--channels", str(arguments.channels),
            "--threads", str(arguments.threads), "--repeats", str(repeats)]


def ours(arch, job):
    return lines([arguments.bench, job.split("-")[0], "--arch", arch] + shape(job))[-1]


def theirs(arch, job, layout):
    command = [arguments.python, "Benchmarks/peers/resnet_torch.py", arch] + shape(job)
    if job == "train":
        return lines(command + ["--skip-infer"] + (["--layout", layout] if layout else []))
    return [r for r in lines(command + ["--skip-train"]) if r["engine"] in ("onnxruntime", "openvino f32")]


print(f"{'arch':10} {'job':8} {'ours':>8} {'theirs':>8}  ratio (lowest to highest)    memory  best peer")
for arch in arguments.archs:
    for job in arguments.jobs:
        layout, pairs = None, []
        for _ in range(arguments.pairs):
            mine = ours(arch, job)
            best = max(theirs(arch, job, layout), key=lambda r: r["images_per_second"])
            if job == "train":
                layout = best["engine"].split()[-1]
            pairs.append((mine, best))
        ratios = sorted(m["images_per_second"] / b["images_per_second"] for m, b in pairs)
        # The first pair's process may have trained in both layouts.
        memory = pairs[-1][0]["peak_memory_mb"] / pairs[-1][1]["peak_memory_mb"]
        print(f"{arch:10} {job:8} {statistics.median(m['images_per_second'] for m, _ in pairs):8.1f} "
              f"{statistics.median(b['images_per_second'] for _, b in pairs):8.1f}  "
              f"{statistics.median(ratios):5.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
              f"{memory:17.2f}  {pairs[-1][1]['engine']}", flush=True)
