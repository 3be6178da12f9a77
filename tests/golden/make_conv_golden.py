#!/usr/bin/python3
"""Writes conv.json beside itself: what PyTorch makes of small chains of convolutions and pools.

As make_golden.py does for dense layers; here each case has its own images and weights. Tensors are
shaped as in a model file: conv [out][k][k][in], deconv [k][k][out][in], dense rows over height x
width x channels.
"""
import json
import os

import torch
from torch.nn import functional as F

torch.manual_seed(20240502)
torch.set_default_dtype(torch.float64)
ROWS, STEPS, RATE = 3, 3, 1e-3


def numbers(tensor, digits):
    return [float(f"%.{digits}g" % v) for v in tensor.detach().reshape(-1).tolist()]


def leaky(x):
    return F.leaky_relu(x, 0.01)


def rows(x):
    """Images as rows of height x width x channels."""
    return x.permute(0, 2, 3, 1).reshape(len(x), -1)


def images(x, channels, height, width):
    return x.reshape(len(x), height, width, channels).permute(0, 3, 1, 2)


def conv(x, w, b, step):
    return F.conv2d(x, w.permute(0, 3, 1, 2), b, stride=step, padding=(w.shape[1] - 1) // 2)


def deconv(x, w, b, step):
    k, before = w.shape[0], (w.shape[0] - 1) // 2
    return F.conv_transpose2d(x, w.permute(3, 2, 0, 1), b, stride=step, padding=before,
                              output_padding=step - k + 2 * before)


def strided(x, w):
    h = torch.tanh(conv(x, w["layers.0.weight"], w["layers.0.bias"], 2))
    z = F.linear(rows(h), w["layers.1.weight"], w["layers.1.bias"])
    h = images(leaky(F.linear(z, w["layers.2.weight"], w["layers.2.bias"])), 3, 3, 3)
    return z, torch.sigmoid(deconv(h, w["layers.4.weight"], w["layers.4.bias"], 2))


def pooled(x, w):
    h = torch.relu(conv(x, w["layers.0.weight"], w["layers.0.bias"], 1))
    h, places = F.max_pool2d(h, 2, return_indices=True)
    z = F.linear(rows(h), w["layers.2.weight"], w["layers.2.bias"])
    h = images(torch.tanh(F.linear(z, w["layers.3.weight"], w["layers.3.bias"])), 4, 3, 3)
    h = F.max_unpool2d(h, places, 2)
    return z, torch.sigmoid(deconv(h, w["layers.6.weight"], w["layers.6.bias"], 1))


def averaged(x, w):
    h = torch.tanh(conv(F.avg_pool2d(x, 2), w["layers.1.weight"], w["layers.1.bias"], 1))
    z = F.linear(rows(h), w["layers.2.weight"], w["layers.2.bias"])
    h = images(torch.tanh(F.linear(z, w["layers.3.weight"], w["layers.3.bias"])), 3, 3, 2)
    h = F.interpolate(h, scale_factor=2, mode="nearest")
    return z, conv(h, w["layers.6.weight"], w["layers.6.bias"], 1)


def even(x, w):
    h = torch.relu(conv(x, w["layers.0.weight"], w["layers.0.bias"], 2))
    z = torch.tanh(F.linear(rows(h), w["layers.1.weight"], w["layers.1.bias"]))
    h = images(torch.relu(F.linear(z, w["layers.2.weight"], w["layers.2.bias"])), 2, 3, 2)
    return z, torch.sigmoid(deconv(h, w["layers.4.weight"], w["layers.4.bias"], 2))


def case(shape, arch, forward, loss_of, shapes):
    pixels = torch.randint(0, 256, (ROWS, *shape))
    x = pixels.double() / 255
    start = {}
    for layer, (weight, bias) in shapes.items():
        start[f"layers.{layer}.weight"] = (torch.randn(*weight) * 0.4).float().double()
        start[f"layers.{layer}.bias"] = (torch.randn(bias) * 0.4).float().double()
    weights = {name: w.clone().requires_grad_() for name, w in start.items()}
    z, x_hat = forward(x, weights)
    loss = loss_of(x_hat, x)
    loss.backward()
    result = {
        "arch": arch,
        "shape": shape,
        "pixels": pixels.reshape(ROWS, -1).tolist(),
        "weights": {name: numbers(w, 9) for name, w in start.items()},
        "shapes": {name: list(w.shape) for name, w in start.items()},
        "z": numbers(z, 8),
        "x_hat": numbers(x_hat, 8),
        "loss": loss.item(),
        "gradients": {name: numbers(w.grad, 7) for name, w in weights.items()},
    }
    adam = torch.optim.Adam(weights.values(), lr=RATE)
    for _ in range(STEPS):
        adam.zero_grad()
        loss_of(forward(x, weights)[1], x).backward()
        adam.step()
    result["after"] = {name: numbers(w, 8) for name, w in weights.items()}
    return result


bce, mse = F.binary_cross_entropy, F.mse_loss
cases = [
    case([1, 6, 6],
         "1x6x6 > conv 3 3 s2 tanh > dense 4 | dense 27 leaky > reshape 3 3 3"
         " > deconv 1 3 s2 sigmoid > bce", strided, bce,
         {0: ((3, 3, 3, 1), 3), 1: ((4, 27), 4), 2: ((27, 4), 27), 4: ((3, 3, 1, 3), 1)}),
    case([1, 6, 6],
         "1x6x6 > conv 4 3 relu > maxpool 2 > dense 5 | dense 36 tanh > reshape 4 3 3 > unpool 2"
         " > deconv 1 3 sigmoid > bce", pooled, bce,
         {0: ((4, 3, 3, 1), 4), 2: ((5, 36), 5), 3: ((36, 5), 36), 6: ((3, 3, 1, 4), 1)}),
    case([2, 6, 4],
         "2x6x4 > avgpool 2 > conv 3 3 tanh > dense 4 | dense 18 tanh > reshape 3 3 2 > up 2"
         " > conv 2 3 > mse", averaged, mse,
         {1: ((3, 3, 3, 2), 3), 2: ((4, 18), 4), 3: ((18, 4), 18), 6: ((2, 3, 3, 3), 2)}),
    case([3, 6, 4],
         "3x6x4 > conv 5 2 s2 relu > dense 4 tanh | dense 12 relu > reshape 2 3 2"
         " > deconv 3 4 s2 sigmoid > bce", even, bce,
         {0: ((5, 2, 2, 3), 5), 1: ((4, 30), 4), 2: ((12, 4), 12), 4: ((4, 4, 3, 2), 3)}),
]
golden = {
    "made_by": f"tests/golden/make_conv_golden.py, PyTorch {torch.__version__}",
    "rate": RATE,
    "steps": STEPS,
    "cases": cases,
}
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "conv.json")
with open(path, "w", encoding="ascii") as file:
    json.dump(golden, file, separators=(",", ":"))
    file.write("\n")
