#!/usr/bin/env python3
"""Peer figures for the network benchmark: PyTorch, ONNX Runtime and OpenVINO on this CPU, same shapes.

Set up once:   python3 -m venv .peer && .peer/bin/pip install torch torchvision onnx onnxruntime openvino
Run:           .peer/bin/python Benchmarks/peers/resnet_torch.py resnet18 --batch 64 --side 64 --threads 2
Prints one JSON line per figure: images per second, best of N, float32; for training the process's peak memory too.
"""
import argparse, json, os, resource, tempfile, time

p = argparse.ArgumentParser()
p.add_argument("arch", choices=["resnet18", "resnet50", "resnet101"])
p.add_argument("--batch", type=int, default=64)
p.add_argument("--side", type=int, default=64)
p.add_argument("--channels", type=int, default=1)
p.add_argument("--classes", type=int, default=5)
p.add_argument("--threads", type=int, default=2)
p.add_argument("--repeats", type=int, default=5)
p.add_argument("--skip-train", action="store_true")
p.add_argument("--skip-infer", action="store_true")
p.add_argument("--layout", choices=["channels_last", "contiguous"], help="train in this one only")
a = p.parse_args()

import torch, torchvision
torch.set_num_threads(a.threads)

def model():
    m = getattr(torchvision.models, a.arch)(num_classes=a.classes)
    m.conv1 = torch.nn.Conv2d(a.channels, 64, 7, 2, 3, bias=False)
    return m

def rate(step):
    step()
    best = 1e9
    for _ in range(a.repeats):
        t = time.perf_counter(); step(); best = min(best, time.perf_counter() - t)
    return a.batch / best

def say(job, engine, value):
    print(json.dumps({"job": job, "engine": engine, "arch": a.arch, "batch": a.batch, "side": a.side,
                      "threads": a.threads, "images_per_second": round(value, 1),
                      "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}), flush=True)

x = torch.randn(a.batch, a.channels, a.side, a.side)
y = torch.randint(0, a.classes, (a.batch,))
if not a.skip_train:
    for name, fmt in (("torch channels_last", torch.channels_last), ("torch contiguous", torch.contiguous_format)):
        if a.layout and not name.endswith(a.layout):
            continue
        m = model().to(memory_format=fmt).train()
        o = torch.optim.Adam(m.parameters(), 1e-3)
        xi = x.to(memory_format=fmt)
        def step():
            o.zero_grad(); torch.nn.functional.cross_entropy(m(xi), y).backward(); o.step()
        say("train step (forward, backward, Adam)", name, rate(step))

if a.skip_infer:
    raise SystemExit
m = model().eval()
with torch.inference_mode():
    m(x)
    j = torch.jit.optimize_for_inference(torch.jit.script(m))
    say("infer", "torch jit", rate(lambda: j(x)))

path = os.path.join(tempfile.mkdtemp(), "m.onnx")
torch.onnx.export(m, x, path, dynamo=False, input_names=["x"])
xn = x.numpy()
import onnxruntime as ort
so = ort.SessionOptions(); so.intra_op_num_threads = a.threads
s = ort.InferenceSession(path, so, providers=["CPUExecutionProvider"])
say("infer", "onnxruntime", rate(lambda: s.run(None, {"x": xn})))
import openvino as ov
core = ov.Core(); om = core.read_model(path); om.reshape([a.batch, a.channels, a.side, a.side])
for precision in ("f32",):
    c = core.compile_model(om, "CPU", {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": a.threads})
    say("infer", "openvino " + precision, rate(lambda: c({"x": xn})))
