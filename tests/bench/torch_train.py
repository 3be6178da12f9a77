#!/usr/bin/env python3
"""Trains one of the bench's works in PyTorch, on demand.

    torch_train.py WORK FOLDER THREADS [SEED]

FOLDER holds the data set's four files. Reads commands from standard input, answers each with a line of
JSON: a number: train on so many images, going through the training set epoch after epoch, and tell
images/s and the process' peak memory; "test": the errors on the test images. run.sh has the
environment in which PyTorch is fastest."""
import gzip
import json
import resource
import sys
import time

import numpy
import torch
import torch_nets
from torch.nn import functional

work, folder, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.set_num_threads(threads)
torch.manual_seed(int(sys.argv[4]) if len(sys.argv) > 4 else 1)
torch.set_flush_denormal(True)
bce = functional.binary_cross_entropy_with_logits


def read(name, header):
    try:
        with open(f"{folder}/{name}-ubyte", "rb") as file:
            data = file.read()
    except FileNotFoundError:
        with gzip.open(f"{folder}/{name}-ubyte.gz") as file:
            data = file.read()
    return numpy.frombuffer(data, numpy.uint8, offset=header)


def images(name):
    pixels = read(f"{name}-images-idx3", 16).astype(numpy.float32) / 255
    return torch.from_numpy(pixels).view(-1, *((1, 28, 28) if work in "CD" else (784,)))


def variational_loss(made, x):
    y, mean, log_variance = made
    divergence = -0.5 * (1 + log_variance - mean * mean - log_variance.exp()).sum()
    return (bce(y, x, reduction="sum") + divergence) / len(x)


losses = {"A": bce, "B": bce, "C": variational_loss, "D": functional.cross_entropy}

x = images("train")
target = x
if work == "D":
    target = torch.from_numpy(read("train-labels-idx1", 8).astype(numpy.int64))
net, loss, batch = torch_nets.made(work), losses[work], 64 if work == "A" else 128
if work == "D":
    net = net.to(memory_format=torch.channels_last)
adam = torch.optim.Adam(net.parameters(), lr=1e-3)


def batches():
    while True:
        order = torch.randperm(len(x))
        yield from order.split(batch)


def train(count):
    done, start = 0, time.perf_counter()
    while done < count:
        chosen = next(order)
        adam.zero_grad(set_to_none=True)
        loss(net(x[chosen]), target[chosen]).backward()
        adam.step()
        done += len(chosen)
    rate = done / (time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"images_per_second": rate, "peak_bytes": peak}


def test():
    wanted = images("t10k")
    with torch.no_grad():
        logits = net(wanted)
        difference = torch.sigmoid(logits) - wanted
        mae, mse = difference.abs().mean().item(), (difference**2).mean().item()
        return {"mae": mae, "mse": mse, "bce": bce(logits, wanted).item()}


order = batches()
for line in sys.stdin:
    print(json.dumps(test() if line.strip() == "test" else train(int(line))), flush=True)
