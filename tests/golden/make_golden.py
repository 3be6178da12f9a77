#!/usr/bin/python3
"""Writes dense.json beside itself: what PyTorch makes of small chains of dense layers.

Each case: a chain in Likeness's notation, pixels, and, computed in double precision from the
single-precision weights: code z, reconstruction, loss, its gradients, and the weights after three
steps of Adam on the whole batch. Tensors are named and shaped as in a model file, row-major.
"""
import json
import os

import torch

torch.manual_seed(20240501)
torch.set_default_dtype(torch.float64)

IN, CODE, ROWS, STEPS, RATE = 20, 5, 3, 3, 1e-3
ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": torch.relu,
    "leaky": lambda x: torch.nn.functional.leaky_relu(x, 0.01),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}


def whole(x):
    return x.sum(1, keepdim=True)


LOSSES = {
    "mse": torch.nn.functional.mse_loss,
    "bce": torch.nn.functional.binary_cross_entropy,
    "multinomial": lambda x_hat, x: -(x * torch.log(x_hat / whole(x))).mean(),
}


def draw(*shape):
    """Values that are singles, so that both sides start from the same."""
    return (torch.randn(*shape) * 0.4).float().double()


def numbers(tensor, digits):
    return [float(f"%.{digits}g" % v) for v in tensor.detach().reshape(-1).tolist()]


WEIGHTS = {
    "layers.0.weight": draw(CODE, IN),
    "layers.0.bias": draw(CODE),
    "layers.1.weight": draw(IN, CODE),
    "layers.1.bias": draw(IN),
}
PIXELS = torch.randint(0, 256, (ROWS, IN))


def case(inner, last, loss_name):
    weights = {name: w.clone().requires_grad_() for name, w in WEIGHTS.items()}
    x = PIXELS.double() / 255

    def forward():
        z = ACTIVATIONS[inner](
            torch.nn.functional.linear(x, weights["layers.0.weight"], weights["layers.0.bias"]))
        x_hat = ACTIVATIONS[last](
            torch.nn.functional.linear(z, weights["layers.1.weight"], weights["layers.1.bias"]))
        if loss_name == "multinomial":
            x_hat = torch.softmax(x_hat, 1) * whole(x)
        return z, x_hat, LOSSES[loss_name](x_hat, x)

    z, x_hat, loss = forward()
    loss.backward()
    result = {
        "arch": " ".join(
            f"1x4x5 > dense {CODE} {inner} | dense {IN} {last} > {loss_name}"
            .replace(" linear", "").split()),
        "z": numbers(z, 8),
        "x_hat": numbers(x_hat, 8),
        "loss": loss.item(),
        "gradients": {name: numbers(w.grad, 7) for name, w in weights.items()},
    }
    adam = torch.optim.Adam(weights.values(), lr=RATE)
    for _ in range(STEPS):
        adam.zero_grad()
        forward()[2].backward()
        adam.step()
    result["after"] = {name: numbers(w, 8) for name, w in weights.items()}
    return result


cases = [case(inner, "sigmoid", "bce") for inner in ACTIVATIONS]
cases += [case("tanh", last, "mse") for last in ACTIVATIONS]
cases += [case(inner, "linear", "multinomial") for inner in ("tanh", "relu")]
golden = {
    "made_by": f"tests/golden/make_golden.py, PyTorch {torch.__version__}",
    "rate": RATE,
    "steps": STEPS,
    "shape": [1, 4, 5],
    "pixels": PIXELS.tolist(),
    "weights": {name: numbers(w, 9) for name, w in WEIGHTS.items()},
    "shapes": {name: list(w.shape) for name, w in WEIGHTS.items()},
    "cases": cases,
}
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dense.json")
with open(path, "w", encoding="ascii") as file:
    json.dump(golden, file, separators=(",", ":"))
    file.write("\n")
