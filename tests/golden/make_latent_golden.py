#!/usr/bin/python3
"""Writes latent.json beside itself: what PyTorch makes of chains with chance, statistics or codes.

As make_conv_golden.py does for convolutions; here a forward pass also depends on the batch it is a
part of: on its random numbers (those of src/rng.c, computed once more), on whether it learns, and
on the order of its rows. `loss` is measured without learning, `gradients` belong to a batch of all
rows with seed 1, and `after` (averages included) to STEPS steps that begin with `first_loss`.
"""
import json
import math
import os

import torch
from torch.nn import functional as F

torch.manual_seed(20240503)
torch.set_default_dtype(torch.float64)
ROWS, STEPS, RATE = 5, 3, 1e-3
SHUFFLE, NOISE = 3, 7  # streams
WORD, GOLDEN = (1 << 64) - 1, 0x9E3779B97F4A7C15


def mix(v):
    v = (v ^ (v >> 30)) * 0xBF58476D1CE4E5B9 & WORD
    v = (v ^ (v >> 27)) * 0x94D049BB133111EB & WORD
    return v ^ (v >> 31)


class Random:
    def __init__(self, seed, stream, part):
        key = mix((seed + GOLDEN) & WORD)
        key = mix(key ^ (stream * GOLDEN & WORD))
        self.key = mix(key ^ ((part * GOLDEN + 1) & WORD))

    def word(self, index):
        return mix(mix((self.key + index * GOLDEN) & WORD) ^ self.key)

    def uniform(self, index):
        return (self.word(index) >> 11) * 2.0**-53

    def normal(self, index):
        """The inverse of the normal distribution function, not by src/rng.c's approximation but by
        erfinv: they agree to 1e-8."""
        p = ((self.word(index) >> 12) + 0.5) * 2.0**-52
        return math.sqrt(2) * torch.erfinv(torch.tensor(2 * p - 1)).item()


def number24(key, i):
    """The kernel's number of value i of a row of dropout: lowbias32 with half a key in its middle."""
    h = (key + i * 0x9E3779B9) & 0xFFFFFFFF
    h = (h ^ (h >> 16)) * 0x7FEB352D & 0xFFFFFFFF
    h = ((h ^ (h >> 15)) + (key >> 32)) * 0x846CA68B & 0xFFFFFFFF
    return (h ^ (h >> 16)) >> 8


class Batch:
    """What a pass knows of the batch: lk_batch."""

    def __init__(self, seed, sample, learning):
        self.seed, self.sample, self.learning = seed, sample, learning

    def draws(self, layer, rows, n, kind):
        """One number for each of n values of each row of a layer."""
        random = Random(self.seed, NOISE, layer)
        return torch.tensor([[getattr(random, kind)((self.sample + r) * n + i) for i in range(n)]
                             for r in range(rows)])

    def kept(self, layer, rows, n, amount):
        """Which values dropout keeps: each row has a key, of which 24-bit numbers are made."""
        random = Random(self.seed, NOISE, layer)
        return torch.tensor([[number24(random.word(self.sample + r), i) >= int(amount * 2**24)
                              for i in range(n)] for r in range(rows)])


def numbers(tensor, digits):
    return [float(f"%.{digits}g" % v) for v in tensor.detach().reshape(-1).tolist()]


def rows(x):
    """Images as rows of height x width x channels."""
    return x.permute(0, 2, 3, 1).reshape(len(x), -1)


def images(x, channels, height, width):
    return x.reshape(len(x), height, width, channels).permute(0, 3, 1, 2)


class Pass:
    """A chain's operators over rows of height x width x channels; penalties add up, one a row."""

    def __init__(self, weights, batch):
        self.w, self.batch, self.penalty, self.layer = weights, batch, 0, 0

    def next(self):
        self.layer += 1
        return f"layers.{self.layer - 1}."

    def dense(self, x):
        name = self.next()
        return F.linear(x, self.w[name + "weight"], self.w[name + "bias"])

    def conv(self, x, shape, step):
        name, (c, h, w) = self.next(), shape
        weight = self.w[name + "weight"]
        x = F.conv2d(images(x, c, h, w), weight.permute(0, 3, 1, 2), self.w[name + "bias"],
                     stride=step, padding=(weight.shape[1] - 1) // 2)
        return rows(x)

    def deconv(self, x, shape, step):
        name, (c, h, w) = self.next(), shape
        weight = self.w[name + "weight"]
        k, before = weight.shape[0], (weight.shape[0] - 1) // 2
        x = F.conv_transpose2d(images(x, c, h, w), weight.permute(3, 2, 0, 1),
                               self.w[name + "bias"], stride=step, padding=before,
                               output_padding=step - k + 2 * before)
        return rows(x)

    def noise(self, x, amount):
        layer = self.layer
        self.next()
        return x + amount * self.batch.draws(layer, *x.shape, "normal") if self.batch else x

    def mask(self, x, amount):
        layer = self.layer
        self.next()
        if not self.batch:
            return x
        return torch.where(self.batch.draws(layer, *x.shape, "uniform") < amount, 0, x)

    def salt(self, x, amount):
        layer = self.layer
        self.next()
        if not self.batch:
            return x
        u = self.batch.draws(layer, *x.shape, "uniform")
        return torch.where(u < amount / 2, 0, torch.where(u < amount, 1, x))

    def dropout(self, x, amount):
        layer = self.layer
        self.next()
        if not self.batch or not self.batch.learning:
            return x
        return x * self.batch.kept(layer, *x.shape, amount) / (1 - amount)

    def bn(self, x, channels):
        name = self.next()
        learning = self.batch is not None and self.batch.learning
        y = F.batch_norm(x.reshape(-1, channels), self.w[name + "running_mean"],
                         self.w[name + "running_var"], self.w[name + "weight"],
                         self.w[name + "bias"], training=learning, momentum=0.1, eps=1e-5)
        return y.reshape(x.shape)

    def l2norm(self, x):
        self.next()
        return F.normalize(x, dim=1)

    def l1(self, x, amount):
        self.next()
        self.penalty = self.penalty + amount * x.abs().sum(1)
        return x

    def gaussian(self, x, beta):
        layer, name = self.layer, self.next()
        mean = F.linear(x, self.w[name + "mean.weight"], self.w[name + "mean.bias"])
        if not self.batch:
            return mean
        log_variance = F.linear(x, self.w[name + "log_variance.weight"],
                                self.w[name + "log_variance.bias"])
        divergence = (log_variance.exp() + mean**2 - 1 - log_variance) / 2
        self.penalty = self.penalty + beta * divergence.sum(1)
        return mean + (log_variance / 2).exp() * self.batch.draws(layer, *mean.shape, "normal")

    def vq(self, x, depth):
        name = self.next()
        book, usage = self.w[name + "codebook"], self.w[name + "usage"]
        pixels = x.reshape(-1, depth)
        which = torch.cdist(pixels.detach(), book).argmin(1)
        y = book[which].reshape(x.shape)
        self.penalty = self.penalty + 0.25 * ((x - y)**2).sum(1)
        if self.batch and self.batch.learning:
            chosen = F.one_hot(which, len(book)).double()
            count = 0.99 * usage + 0.01 * chosen.sum(0)
            assert count.min() > 0.15 * count.mean(), "none is to be revived here"
            total = 0.99 * usage[:, None] * book + 0.01 * chosen.T @ pixels.detach()
            self.w[name + "codebook"], self.w[name + "usage"] = total / count[:, None], count
        return x + (y - x).detach()


def variational(p, x):
    z = p.gaussian(torch.tanh(p.dense(x)), 0.5)
    return z, torch.sigmoid(p.dense(torch.tanh(p.dense(z))))


def normalised(p, x):
    h = p.bn(torch.tanh(p.conv(x, (2, 4, 4), 2)), 3)
    z = torch.tanh(p.bn(torch.sigmoid(p.dense(p.dropout(F.leaky_relu(h, 0.01), 0.25))), 6))
    return z, p.dense(p.dropout(z, 0.4))


def noisy(p, x):
    z = p.l2norm(p.dense(p.l1(torch.tanh(p.dense(p.noise(x, 0.3))), 0.1)))
    return z, torch.sigmoid(p.dense(z))


def masked(p, x):
    z = p.l1(p.dense(torch.tanh(p.dense(p.mask(x, 0.4)))), 0.02)
    return z, torch.sigmoid(p.dense(p.l2norm(z)))


def salted(p, x):
    z = torch.tanh(p.dense(p.salt(x, 0.3)))
    return z, p.dense(z)


def quantised(p, x):
    z = p.vq(p.conv(torch.tanh(p.conv(x, (1, 6, 6), 2)), (3, 3, 3), 1), 4)
    return z, torch.sigmoid(p.deconv(z, (4, 3, 3), 2))


def word(p, x):
    z = p.vq(p.dense(torch.tanh(p.dense(x))), 5)
    return z, p.dense(z)


def run(forward, weights, x, batch, loss_of):
    """The chain's code, output and loss: penalties are divided as sums of squares are."""
    p = Pass(weights, batch)
    z, x_hat = forward(p, x)
    penalty = p.penalty if torch.is_tensor(p.penalty) else torch.zeros(1)
    return z, x_hat, loss_of(x_hat, x) + penalty.sum() / x.numel()


def shuffled(epoch):
    """lk_rng_shuffle of an epoch's rows by the seed 1."""
    random, order = Random(1, SHUFFLE, epoch), list(range(ROWS))
    for i in range(ROWS, 1, -1):
        j = int(random.uniform(i) * i)
        order[i - 1], order[j] = order[j], order[i - 1]
    return order


AVERAGES = ("running_mean", "running_var", "codebook", "usage")


def start_of(name, shape):
    """Values that are singles, so that both sides start from the same."""
    value = torch.randn(*shape) * (0.6 if name.endswith("codebook") else 0.4)
    if name.endswith("usage"):
        value = 3 + value.abs()
    if name.endswith("running_var"):
        value = 0.5 + value.abs()
    return value.float().double()


def learn(weights):
    """Copies, of which those that are no averages have gradients."""
    return {name: w.clone().requires_grad_(not name.endswith(AVERAGES))
            for name, w in weights.items()}


def case(shape, arch, forward, loss_of, shapes):
    pixels = torch.randint(0, 256, (ROWS, *shape))
    x = rows(pixels.double() / 255)
    start = {f"layers.{name}": start_of(name, size) for name, size in shapes.items()}
    for name, size in shapes.items():  # codes that are in use: near what becomes of an image
        if name.endswith("codebook"):
            seen = Pass(start, None)
            seen.vq = lambda values, depth: values if seen.next() else None
            made = forward(seen, x)[0].reshape(-1, size[1])
            near = made[torch.randperm(len(made))[:size[0]]]
            start[f"layers.{name}"] = (near + 0.05 * torch.randn(*size)).float().double()

    z, x_hat, _ = run(forward, learn(start), x, None, loss_of)
    measured = run(forward, learn(start), x, Batch(0, 0, False), loss_of)[2]
    weights = learn(start)
    leaves = dict(weights)
    run(forward, weights, x, Batch(1, 0, True), loss_of)[2].backward()
    zero = {name: torch.zeros_like(w) for name, w in start.items()}
    result = {
        "arch": arch,
        "shape": shape,
        "pixels": pixels.reshape(ROWS, -1).tolist(),
        "weights": {name: numbers(w, 9) for name, w in start.items()},
        "shapes": {name: list(w.shape) for name, w in start.items()},
        "z": numbers(z, 8),
        "x_hat": numbers(rows_out(x_hat, shape), 8),
        "loss": measured.item(),
        "gradients": {name: numbers(zero[name] if w.grad is None else w.grad, 7)
                      for name, w in leaves.items()},
    }
    weights = learn(start)
    adam = torch.optim.Adam([w for w in weights.values() if w.requires_grad], lr=RATE)
    for step in range(STEPS):
        adam.zero_grad()
        loss = run(forward, weights, x[shuffled(step)], Batch(1, step * ROWS, True), loss_of)[2]
        if step == 0:
            result["first_loss"] = loss.item()
        loss.backward()
        adam.step()
    result["after"] = {name: numbers(w, 8) for name, w in weights.items()}
    return result


def rows_out(x_hat, shape):
    """Outside a chain an image is channel after channel."""
    return images(x_hat, *shape).reshape(len(x_hat), -1)


bce, mse = F.binary_cross_entropy, F.mse_loss
cases = [
    case([1, 4, 5],
         "1x4x5 > dense 7 tanh > gaussian 3 | dense 7 tanh > dense 20 sigmoid > bce beta 0.5",
         variational, bce,
         {"0.weight": (7, 20), "0.bias": (7,), "1.mean.weight": (3, 7), "1.mean.bias": (3,),
          "1.log_variance.weight": (3, 7), "1.log_variance.bias": (3,), "2.weight": (7, 3),
          "2.bias": (7,), "3.weight": (20, 7), "3.bias": (20,)}),
    case([2, 4, 4],
         "2x4x4 > conv 3 3 s2 tanh > bn leaky > dropout 0.25 > dense 6 sigmoid > bn tanh"
         " | dropout 0.4 > dense 32 > mse", normalised, mse,
         {"0.weight": (3, 3, 3, 2), "0.bias": (3,), "1.weight": (3,), "1.bias": (3,),
          "1.running_mean": (3,), "1.running_var": (3,), "3.weight": (6, 12), "3.bias": (6,),
          "4.weight": (6,), "4.bias": (6,), "4.running_mean": (6,), "4.running_var": (6,),
          "6.weight": (32, 6), "6.bias": (32,)}),
    case([1, 4, 5],
         "1x4x5 > noise 0.3 > dense 8 tanh > l1 0.1 > dense 5 > l2norm | dense 20 sigmoid > bce",
         noisy, bce,
         {"1.weight": (8, 20), "1.bias": (8,), "3.weight": (5, 8), "3.bias": (5,),
          "5.weight": (20, 5), "5.bias": (20,)}),
    case([1, 4, 5],
         "1x4x5 > mask 0.4 > dense 8 tanh > dense 5 > l1 0.02 | l2norm > dense 20 sigmoid > bce",
         masked, bce,
         {"1.weight": (8, 20), "1.bias": (8,), "2.weight": (5, 8), "2.bias": (5,),
          "5.weight": (20, 5), "5.bias": (20,)}),
    case([2, 3, 3], "2x3x3 > salt 0.3 > dense 4 tanh | dense 18 > mse", salted, mse,
         {"1.weight": (4, 18), "1.bias": (4,), "2.weight": (18, 4), "2.bias": (18,)}),
    case([1, 6, 6],
         "1x6x6 > conv 3 3 s2 tanh > conv 4 3 > vq 6 | deconv 1 3 s2 sigmoid > bce", quantised,
         bce,
         {"0.weight": (3, 3, 3, 1), "0.bias": (3,), "1.weight": (4, 3, 3, 3), "1.bias": (4,),
          "2.codebook": (6, 4), "2.usage": (6,), "3.weight": (3, 3, 1, 4), "3.bias": (1,)}),
    case([1, 4, 5], "1x4x5 > dense 6 tanh > dense 5 > vq 3 | dense 20 > mse", word, mse,
         {"0.weight": (6, 20), "0.bias": (6,), "1.weight": (5, 6), "1.bias": (5,),
          "2.codebook": (3, 5), "2.usage": (3,), "3.weight": (20, 5), "3.bias": (20,)}),
]
golden = {
    "made_by": f"tests/golden/make_latent_golden.py, PyTorch {torch.__version__}",
    "rate": RATE,
    "steps": STEPS,
    "cases": cases,
}
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "latent.json")
with open(path, "w", encoding="ascii") as file:
    json.dump(golden, file, separators=(",", ":"))
    file.write("\n")
