#!/usr/bin/env python3
"""Golden values of narrow torchvision ResNets, for NetworkGoldenTests.

    python3 -m venv /tmp/golden && /tmp/golden/bin/pip install torch==2.15.* torchvision numpy safetensors
    /tmp/golden/bin/python Tests/Fixtures/network/make_golden.py Tests/Fixtures/network

Weights are not stored: every tensor is filled by the counter-based formula of `fill`, which the test repeats. For each
network the JSON holds loss, logits, running statistics and, of each parameter's gradient, its largest magnitude, its
inner product with a known vector, and its first values; then the losses of ten Adam steps. All in double precision.

A pre-activation within rounding of 0 lets any two float32 programs differ by per cents in a deep network's gradients.
So the last gain of each bottleneck is small, and the script refuses a fixture that PyTorch's own float32 misses.
"""
import json, math, sys
import numpy as np
import torch, torchvision

torch.set_num_threads(1)
MASK = (1 << 64) - 1


def fill(name, count):
    """Uniform in [-1, 1): SplitMix64 seeded with the FNV-1a hash of the name."""
    h = 0xCBF29CE484222325
    for b in name.encode():
        h = ((h ^ b) * 0x100000001B3) & MASK
    out = np.empty(count, np.float32)
    for i in range(count):
        h = (h + 0x9E3779B97F4A7C15) & MASK
        z = h
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        z ^= z >> 31
        out[i] = (z >> 40) * 2.0**-23 - 1
    return out


class Net(torch.nn.Module):
    """torchvision's ResNet at another width, with features appended before fc."""

    def __init__(self, depth, base, channels, classes, auxiliary):
        super().__init__()
        block, layers = {
            "resnet18": (torchvision.models.resnet.BasicBlock, [2, 2, 2, 2]),
            "resnet50": (torchvision.models.resnet.Bottleneck, [3, 4, 6, 3]),
            "resnet101": (torchvision.models.resnet.Bottleneck, [3, 4, 23, 3]),
        }[depth]
        net = torchvision.models.ResNet(block, layers, num_classes=classes)
        net.inplanes = base
        net.conv1 = torch.nn.Conv2d(channels, base, 7, 2, 3, bias=False)
        net.bn1 = torch.nn.BatchNorm2d(base)
        for i in range(4):
            setattr(net, f"layer{i + 1}", net._make_layer(block, base << i, layers[i], stride=1 if i == 0 else 2))
        net.fc = torch.nn.Linear((base << 3) * block.expansion + auxiliary, classes)
        self.net = net

    def forward(self, x, extra):
        n = self.net
        x = n.maxpool(n.relu(n.bn1(n.conv1(x))))
        x = n.layer4(n.layer3(n.layer2(n.layer1(x))))
        x = torch.flatten(n.avgpool(x), 1)
        return n.fc(torch.cat([x, extra], 1))


def initialise(net):
    with torch.no_grad():
        for key, t in net.state_dict().items():
            if key.endswith("num_batches_tracked"):
                continue
            v = torch.from_numpy(fill(key, t.numel())).reshape(t.shape)
            if key.endswith("running_mean"):
                t.copy_(0.1 * v)
            elif key.endswith("running_var"):
                t.copy_(1 + 0.5 * v)
            elif t.dim() == 4:
                t.copy_(v * math.sqrt(6 / (t.shape[0] * t.shape[2] * t.shape[3])))
            elif t.dim() == 2:
                t.copy_(v / math.sqrt(t.shape[1]))
            elif key.endswith("bn3.weight"):
                t.copy_(0.1 + 0.02 * v)
            elif key.endswith("weight"):
                t.copy_(1 + 0.2 * v)
            else:
                t.copy_(0.1 * v)


def golden(depth, base, channels, classes, auxiliary, count, side, dtype=torch.float64):
    model = Net(depth, base, channels, classes, auxiliary)
    net = model.net
    initialise(net)
    model.to(dtype)
    x = torch.from_numpy(fill("images", count * channels * side * side)).reshape(count, channels, side, side).to(dtype)
    extra = torch.from_numpy(fill("auxiliary", count * auxiliary)).reshape(count, auxiliary).to(dtype)
    labels = torch.arange(count) % classes
    weights = (1 + 0.5 * torch.from_numpy(fill("weights", count))).to(dtype)

    def loss_of(logits):
        return (weights * torch.nn.functional.cross_entropy(logits, labels, reduction="none")).sum() / count

    model.eval()
    with torch.no_grad():
        inference = model(x, extra).flatten().tolist()
    model.train()
    logits = model(x, extra)
    loss = loss_of(logits)
    loss.backward()
    gradients = {}
    for key, p in net.named_parameters():
        g = p.grad.flatten().double().numpy()
        probe = fill("probe." + key, g.size).astype(np.float64)
        gradients[key] = {
            "peak": float(np.abs(g).max()), "norm": float(np.linalg.norm(g)), "probe": float(g @ probe),
            "head": g[:8].tolist(),
        }
    statistics = {
        k: v.flatten()[:8].tolist() for k, v in net.state_dict().items() if k.endswith(("running_mean", "running_var"))
    }
    initialise(net)
    optimiser = torch.optim.Adam(net.parameters(), 1e-3)
    losses = []
    for _ in range(10):
        optimiser.zero_grad()
        step_loss = loss_of(model(x, extra))
        step_loss.backward()
        optimiser.step()
        losses.append(step_loss.item())
    return {
        "depth": depth, "widthMultiplier": base / 64, "inputChannels": channels, "classCount": classes,
        "auxiliaryCount": auxiliary, "count": count, "side": side, "inferenceLogits": inference,
        "logits": logits.flatten().tolist(), "loss": loss.item(), "gradients": gradients, "statistics": statistics,
        "adamLosses": losses,
    }


def rounded(v):
    """Seven digits: more than the comparison needs, and a quarter of the bytes."""
    if isinstance(v, float):
        return float(f"{v:.7g}")
    if isinstance(v, list):
        return [rounded(e) for e in v]
    if isinstance(v, dict):
        return {k: rounded(e) for k, e in v.items()}
    return v


folder = sys.argv[1]
for depth, channels, count, side in (("resnet18", 1, 6, 64), ("resnet18", 12, 5, 48), ("resnet50", 1, 4, 64),
                                     ("resnet101", 12, 4, 64)):
    value = golden(depth, 8, channels, 5, 8, count, side)
    single = golden(depth, 8, channels, 5, 8, count, side, torch.float32)
    for key, g in value["gradients"].items():
        assert abs(g["probe"] - single["gradients"][key]["probe"]) < 1e-4 * g["norm"], f"{depth} {key}: near a kink"
    assert max(abs(a - b) for a, b in zip(value["adamLosses"], single["adamLosses"])) < 3e-4, f"{depth}: chaotic"
    path = f"{folder}/{depth}-{channels}.json"
    with open(path, "w") as f:
        json.dump(rounded(value), f, separators=(",", ":"))
    print(path)

# A small file written by the reference library itself, with PyTorch's integer batch counters in it.
from safetensors.torch import save_file

net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3, bias=False), torch.nn.BatchNorm2d(2))
initialise(net)
save_file({**net.state_dict(), "half": torch.tensor([[0.5, -2.0, 65504.0]], dtype=torch.float16)},
          f"{folder}/reference.safetensors", metadata={"maker": "safetensors", "quote": 'a "b" / ü'})
