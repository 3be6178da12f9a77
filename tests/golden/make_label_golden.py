#!/usr/bin/python3
"""Writes label.json beside itself: what PyTorch makes of small chains that learn from labels.

As make_conv_golden.py does, with labels; `probabilities` of the classes, and `labelled`, the
reconstructions under the images' own labels, where a chain has them. `x_hat` is without a label.
"""
import json
import os

import torch
from torch.nn import functional as F

torch.manual_seed(20240503)
torch.set_default_dtype(torch.float64)
SHAPE, CLASSES, STEPS, RATE = [1, 2, 3], 3, 3, 1e-3
VALUES = 6
STABLE = 1e-4  # how far a choice must be from being another


def numbers(tensor, digits):
    return [float(f"%.{digits}g" % v) for v in tensor.detach().reshape(-1).tolist()]


def dense(x, w, layer):
    return F.linear(x, w[f"layers.{layer}.weight"], w[f"layers.{layer}.bias"])


def classifier(x, labels, w):
    z = torch.relu(dense(x, w, 0))
    logits = dense(z, w, 1)
    return {"z": z, "probabilities": logits.softmax(1), "loss": F.cross_entropy(logits, labels)}


def triplets(z, labels, margin):
    """Each anchor's mean over its positives, with the nearest negative farther than each."""
    distances = ((z[:, None] - z[None]) ** 2).sum(2)
    loss = torch.zeros(())
    active = 0
    for a in range(len(z)):
        positives = [p for p in range(len(z)) if p != a and labels[p] == labels[a]]
        negatives = [n for n in range(len(z)) if labels[n] != labels[a]]
        for p in positives:
            farther = sorted(distances[a, n] - distances[a, p] for n in negatives
                             if distances[a, n] > distances[a, p])
            nearer = [distances[a, p] - distances[a, n] for n in negatives
                      if distances[a, n] <= distances[a, p]]
            assert all(d > STABLE for d in farther[:1] + nearer)
            assert all(abs(d - margin) > STABLE for d in farther)
            assert len(farther) < 2 or farther[1] - farther[0] > STABLE
            if farther and farther[0] < margin:
                loss = loss + (margin - farther[0]) / len(positives) / len(z)
                active += 1
    assert active > 5
    return loss


def metric(x, labels, w):
    z = F.normalize(dense(torch.tanh(dense(x, w, 0)), w, 1), dim=1)
    return {"z": z, "loss": triplets(z, labels, 0.5)}


def conditioned(x, labels, w):
    z = dense(x, w, 0)

    def decode(vectors):
        return torch.sigmoid(dense(torch.tanh(dense(z * vectors, w, 2)), w, 3))

    own = decode(w["layers.1.weight"][labels])
    return {"z": z, "labelled": own, "x_hat": decode(w["layers.1.weight"].mean(0)),
            "loss": F.binary_cross_entropy(own, x)}


def two_tasks(x, labels, w):
    z = torch.tanh(dense(x, w, 0))
    logits, x_hat = dense(z, w, 1), dense(z, w, 2)
    return {"z": z, "x_hat": x_hat, "probabilities": logits.softmax(1),
            "loss": F.mse_loss(x_hat, x) + 0.5 / VALUES * F.cross_entropy(logits, labels)}


def case(arch, forward, rows, shapes):
    pixels = torch.randint(0, 256, (rows, VALUES))
    labels = torch.arange(rows) % CLASSES
    x = pixels.double() / 255
    start = {name: (torch.randn(*shape) * 0.4).float().double() for name, shape in shapes.items()}
    weights = {name: w.clone().requires_grad_() for name, w in start.items()}
    made = forward(x, labels, weights)
    made["loss"].backward()
    result = {
        "arch": arch,
        "pixels": pixels.tolist(),
        "labels": labels.tolist(),
        "weights": {name: numbers(w, 9) for name, w in start.items()},
        "shapes": shapes,
        **{name: numbers(value, 8) for name, value in made.items() if name != "loss"},
        "loss": made["loss"].item(),
        "gradients": {name: numbers(w.grad, 7) for name, w in weights.items()},
    }
    adam = torch.optim.Adam(weights.values(), lr=RATE)
    for _ in range(STEPS):
        adam.zero_grad()
        forward(x, labels, weights)["loss"].backward()
        adam.step()
    result["after"] = {name: numbers(w, 8) for name, w in weights.items()}
    return result


def sizes(layer, inputs, outputs):
    """The tensors of a dense layer."""
    return {f"layers.{layer}.weight": [outputs, inputs], f"layers.{layer}.bias": [outputs]}


cases = [
    case("1x2x3 > dense 5 relu | dense 3 > ce", classifier, 5, sizes(0, 6, 5) | sizes(1, 5, 3)),
    case("1x2x3 > dense 7 tanh > dense 4 > l2norm | triplet margin 0.5", metric, 9,
         sizes(0, 6, 7) | sizes(1, 7, 4)),
    case("1x2x3 > dense 4 | embed 3 > dense 5 tanh > dense 6 sigmoid > bce", conditioned, 5,
         sizes(0, 6, 4) | {"layers.1.weight": [3, 4]} | sizes(2, 4, 5) | sizes(3, 5, 6)),
    case("1x2x3 > dense 4 tanh > classify 3 0.5 | dense 6 > mse", two_tasks, 5,
         sizes(0, 6, 4) | sizes(1, 4, 3) | sizes(2, 4, 6)),
]
golden = {
    "made_by": f"tests/golden/make_label_golden.py, PyTorch {torch.__version__}",
    "rate": RATE,
    "steps": STEPS,
    "shape": SHAPE,
    "cases": cases,
}
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "label.json")
with open(path, "w", encoding="ascii") as file:
    json.dump(golden, file, separators=(",", ":"))
    file.write("\n")
