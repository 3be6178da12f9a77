#!/usr/bin/env python3
"""The `ae` network in PyTorch, for comparison: 784-64-784, ReLU and sigmoid, binary cross-entropy,
Adam 1e-3, batch 64, Glorot's normal weights, all 60,000 MNIST images in memory.

    torch_ae.py FOLDER THREADS EPOCHS [SEED]

FOLDER holds MNIST's raw files. Prints one JSON object: images/s (the median over epochs of training
steps alone) and the errors on the 10,000 test images."""
import json
import statistics
import sys
import time

import numpy
import torch
from torch import nn

folder, threads, epochs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
torch.manual_seed(int(sys.argv[4]) if len(sys.argv) > 4 else 1)
torch.set_flush_denormal(True)


def images(name):
    pixels = numpy.fromfile(f"{folder}/{name}-images-idx3-ubyte", numpy.uint8)[16:]
    return torch.from_numpy(pixels.reshape(-1, 784).astype(numpy.float32) / 255)


train, test = images("train"), images("t10k")
net = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 784))
for layer in (net[0], net[2]):
    nn.init.xavier_normal_(layer.weight)
    nn.init.zeros_(layer.bias)
adam = torch.optim.Adam(net.parameters(), lr=1e-3)
bce = nn.functional.binary_cross_entropy_with_logits

rates = []
for _ in range(epochs):
    order = torch.randperm(len(train))
    start = time.perf_counter()
    for i in range(0, len(train), 64):
        batch = train[order[i : i + 64]]
        adam.zero_grad(set_to_none=True)
        bce(net(batch), batch).backward()
        adam.step()
    rates.append(len(train) / (time.perf_counter() - start))

with torch.no_grad():
    logits = net(test)
    difference = torch.sigmoid(logits) - test
    print(
        json.dumps(
            {
                "images_per_second": statistics.median(rates),
                "mae": difference.abs().mean().item(),
                "mse": (difference**2).mean().item(),
                "bce": bce(logits, test).item(),
            }
        )
    )
