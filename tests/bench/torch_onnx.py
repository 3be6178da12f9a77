#!/usr/bin/env python3
"""Writes A, B and the encoder of C as ONNX files for onnxruntime-web: torch_onnx.py FOLDER"""
import sys

import torch
import torch_nets
from torch import nn

for work in "ABC":
    net = torch_nets.made(work)
    net = net.encoder if work == "C" else nn.Sequential(net, nn.Sigmoid())
    x = torch.rand(2, *((1, 28, 28) if work == "C" else (784,)))
    torch.onnx.export(
        net.eval(),
        x,
        f"{sys.argv[1]}/{work}.onnx",
        opset_version=13,
        input_names=["x"],
        output_names=["y"],
        dynamic_axes={"x": {0: "n"}, "y": {0: "n"}},
    )
