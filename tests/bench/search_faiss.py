#!/usr/bin/env python3
"""The same as search.c by faiss' flat indices: search_faiss.py CODES QUERIES DIMENSIONS"""
import json
import sys
import time

import faiss
import numpy

NEAREST, SOME = 10, 100
codes, queries = (
    numpy.fromfile(name, numpy.float32).reshape(-1, int(sys.argv[3])) for name in sys.argv[1:3]
)
faiss.omp_set_num_threads(1)
unit_codes, unit_queries = codes.copy(), queries.copy()
faiss.normalize_L2(unit_codes)
faiss.normalize_L2(unit_queries)
sides = {
    "l2": (faiss.IndexFlatL2(codes.shape[1]), codes, queries),
    "cosine": (faiss.IndexFlatIP(codes.shape[1]), unit_codes, unit_queries),
}
for index, known, _ in sides.values():
    index.add(known)

at = 0
for line in sys.stdin:
    what, by = line.split()
    index, _, asked = sides[by]
    start = time.perf_counter()
    if what == "all":
        index.search(asked, NEAREST)
    elif what == "one":
        for _ in range(SOME):
            index.search(asked[at : at + 1], NEAREST)
            at = (at + 1) % len(asked)
    seconds = time.perf_counter() - start
    if what == "found":
        print(json.dumps(index.search(asked[:SOME], NEAREST)[1].ravel().tolist()), flush=True)
    else:
        print(seconds / SOME if what == "one" else seconds, flush=True)
