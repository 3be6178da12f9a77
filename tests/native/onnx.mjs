// Enough of ONNX to run the graphs that `likeness export --onnx` writes: protocol buffers are read and
// operators worked out here, by their definitions, in doubles.

/** Fields of a message as [number, value], values being BigInt, bytes or, of 32 bits, a number. */
function fieldsOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const wire = tag & 7;
    if (wire === 0) {
      fields.push([tag >> 3, varint()]);
    } else if (wire === 5) {
      fields.push([tag >> 3, view.getFloat32(at, true)]);
      at += 4;
    } else if (wire === 2) {
      const size = Number(varint());
      if (at + size > bytes.length) throw new Error('a field is longer than its message');
      fields.push([tag >> 3, bytes.subarray(at, at + size)]);
      at += size;
    } else throw new Error(`wire type ${wire}`);
  }
  return fields;
}

const all = (fields, number) => fields.flatMap(([n, value]) => (n === number ? [value] : []));
const textOf = (bytes) => (bytes ? Buffer.from(bytes).toString('utf8') : '');

function tensorOf(bytes) {
  const fields = fieldsOf(bytes);
  const [type] = all(fields, 2);
  const raw = Uint8Array.from(all(fields, 9)[0]).buffer;
  const values = type === 7n ? [...new BigInt64Array(raw)].map(Number) : [...new Float32Array(raw)];
  return { name: textOf(all(fields, 8)[0]), dims: all(fields, 1).map(Number), values };
}

function attributeOf(bytes) {
  const fields = fieldsOf(bytes);
  const [type] = all(fields, 20).map(Number);
  const value = {
    1: () => all(fields, 2)[0],
    2: () => Number(all(fields, 3)[0]),
    3: () => textOf(all(fields, 4)[0]),
    7: () => all(fields, 8).map(Number),
  }[type]();
  return [textOf(all(fields, 1)[0]), value];
}

/** What a file says: its texts, its ports and its graph. */
export function readOnnx(bytes) {
  const model = fieldsOf(bytes);
  const graph = fieldsOf(all(model, 7)[0]);
  const portOf = (port) => {
    const fields = fieldsOf(port);
    const type = fieldsOf(all(fieldsOf(all(fields, 2)[0]), 1)[0]);
    const dims = all(fieldsOf(all(type, 2)[0]), 1).map((dim) => {
      const [[n, value]] = fieldsOf(dim);
      return n === 2 ? textOf(value) : Number(value);
    });
    return [textOf(all(fields, 1)[0]), dims];
  };
  return {
    opset: Number(all(fieldsOf(all(model, 8)[0]), 2)[0]),
    texts: Object.fromEntries(
      all(model, 14).map((pair) => [1, 2].map((n) => textOf(all(fieldsOf(pair), n)[0]))),
    ),
    inputs: Object.fromEntries(all(graph, 11).map(portOf)),
    outputs: Object.fromEntries(all(graph, 12).map(portOf)),
    constants: all(graph, 5).map(tensorOf),
    nodes: all(graph, 1).map((node) => {
      const fields = fieldsOf(node);
      return {
        op: textOf(all(fields, 4)[0]),
        inputs: all(fields, 1).map(textOf),
        outputs: all(fields, 2).map(textOf),
        with: Object.fromEntries(all(fields, 5).map(attributeOf)),
      };
    }),
  };
}

// ---- operators: tensors {dims, values} in and out ----

const sizeOf = (dims) => dims.reduce((a, b) => a * b, 1);
const filled = (dims, value = 0) => ({ dims, values: new Array(sizeOf(dims)).fill(value) });
const map = ({ dims, values }, f) => ({ dims, values: values.map(f) });

/** Calls f(n, c, y, x, index) for each place of an image tensor. */
function each({ dims: [n, c, h, w] }, f) {
  for (let i = 0; i < n * c * h * w; i++)
    f(Math.floor(i / (c * h * w)), Math.floor(i / (h * w)) % c, Math.floor(i / w) % h, i % w, i);
}

/** Every pair of a pixel of the small side and one of the large side's, in its window. */
function windows(large, small, { kernel_shape: [k], strides: [s], pads: [top, left] = [0, 0] }, f) {
  for (let y = 0; y < small[0]; y++)
    for (let x = 0; x < small[1]; x++)
      for (let ky = 0; ky < k; ky++)
        for (let kx = 0; kx < k; kx++) {
          const [Y, X] = [y * s + ky - top, x * s + kx - left];
          if (Y >= 0 && X >= 0 && Y < large[0] && X < large[1])
            f(y * small[1] + x, Y * large[1] + X, ky * k + kx);
        }
}

function convolve(x, weights, bias, how, transposed) {
  const [n, c, h, w] = x.dims;
  const m = transposed ? weights.dims[1] : weights.dims[0];
  const [k] = how.kernel_shape;
  const side = (size, i) => {
    const pads = how.pads[i] + how.pads[i + 2];
    return transposed
      ? (size - 1) * how.strides[i] + k - pads + how.output_padding[i]
      : Math.floor((size + pads - k) / how.strides[i]) + 1;
  };
  const out = filled([n, m, side(h, 0), side(w, 1)]);
  each(out, (_, o, _y, _x, i) => {
    out.values[i] = bias.values[o];
  });
  const [from, to] = [h * w, out.dims[2] * out.dims[3]];
  const [large, small] = transposed ? [out.dims.slice(2), [h, w]] : [[h, w], out.dims.slice(2)];
  windows(large, small, how, (a, b, tap) => {
    const [source, target] = transposed ? [a, b] : [b, a];
    for (let i = 0; i < n; i++)
      for (let o = 0; o < m; o++)
        for (let j = 0; j < c; j++) {
          const at = transposed ? j * m + o : o * c + j;
          out.values[(i * m + o) * to + target] +=
            x.values[(i * c + j) * from + source] * weights.values[at * k * k + tap];
        }
  });
  return [out];
}

function pool(x, how, first, join) {
  const [n, c, h, w] = x.dims;
  const small = [h / how.strides[0], w / how.strides[1]];
  const out = filled([n, c, ...small], first);
  const places = filled(out.dims);
  windows([h, w], small, how, (to, from) => {
    for (let i = 0; i < n * c; i++) {
      const [a, b] = [i * small[0] * small[1] + to, i * h * w + from];
      const joined = join(out.values[a], x.values[b]);
      if (joined !== out.values[a]) places.values[a] = b;
      out.values[a] = joined;
    }
  });
  return [out, places];
}

function softmax({ dims: [n, k], values }) {
  const out = filled([n, k]);
  for (let i = 0; i < n; i++) {
    const powers = values.slice(i * k, i * k + k).map((v) => Math.exp(v));
    const sum = powers.reduce((a, b) => a + b);
    for (let j = 0; j < k; j++) out.values[i * k + j] = powers[j] / sum;
  }
  return out;
}

const OPERATORS = {
  Identity: ([x]) => [x],
  Relu: ([x]) => [map(x, (v) => Math.max(v, 0))],
  LeakyRelu: ([x], { alpha }) => [map(x, (v) => (v < 0 ? alpha * v : v))],
  Sigmoid: ([x]) => [map(x, (v) => 1 / (1 + Math.exp(-v)))],
  Tanh: ([x]) => [map(x, Math.tanh)],
  Softmax: ([x]) => [softmax(x)],
  Mul: ([x, by]) => [map(x, (v, i) => v * by.values[i % by.values.length])],
  Reshape: ([x, { values: dims }]) => {
    const known = dims.filter((d) => d >= 0).reduce((a, b) => a * b, 1);
    return [{ dims: dims.map((d) => (d < 0 ? x.values.length / known : d)), values: x.values }];
  },
  Transpose: ([x], { perm }) => {
    const out = filled(perm.map((axis) => x.dims[axis]));
    const strides = x.dims.map((_, axis) => sizeOf(x.dims.slice(axis + 1)));
    each(out, (...place) => {
      const from = perm.reduce((sum, axis, i) => sum + strides[axis] * place[i], 0);
      out.values[place[4]] = x.values[from];
    });
    return [out];
  },
  Gemm: ([a, b, c], { alpha = 1 }) => {
    const [n, k] = a.dims;
    const [m] = b.dims; // transB
    const out = filled([n, m]);
    for (let i = 0; i < n * m; i++) {
      const [row, column] = [Math.floor(i / m), i % m];
      let sum = 0;
      for (let j = 0; j < k; j++) sum += a.values[row * k + j] * b.values[column * k + j];
      out.values[i] = alpha * sum + c.values[column];
    }
    return [out];
  },
  Conv: ([x, weights, bias], how) => convolve(x, weights, bias, how, false),
  ConvTranspose: ([x, weights, bias], how) => convolve(x, weights, bias, how, true),
  MaxPool: ([x], how) => pool(x, how, -Infinity, Math.max),
  AveragePool: ([x], how) => {
    const [sums] = pool(x, how, 0, (a, b) => a + b);
    return [map(sums, (v) => v / how.kernel_shape[0] ** 2)];
  },
  MaxUnpool: ([x, places], { strides: [s] }) => {
    const [n, c, h, w] = x.dims;
    const out = filled([n, c, h * s, w * s]);
    for (const [i, v] of x.values.entries()) out.values[places.values[i]] = v;
    return [out];
  },
  Resize: ([x, _, { values: scales }]) => {
    const out = filled(x.dims.map((d, i) => d * scales[i]));
    const [, c, h, w] = x.dims;
    each(out, (n, k, y, X, i) => {
      const at = [y, X].map((place, axis) => Math.floor(place / scales[axis + 2]));
      out.values[i] = x.values[((n * c + k) * h + at[0]) * w + at[1]];
    });
    return [out];
  },
  BatchNormalization: ([x, scale, shift, mean, variance], { epsilon }) => {
    const inside = sizeOf(x.dims.slice(2));
    return [
      map(x, (v, i) => {
        const k = Math.floor(i / inside) % x.dims[1];
        const deviation = Math.sqrt(variance.values[k] + epsilon);
        return ((v - mean.values[k]) / deviation) * scale.values[k] + shift.values[k];
      }),
    ];
  },
  LpNormalization: ([x]) => {
    const [n, k] = x.dims;
    const lengths = Array.from({ length: n }, (_, i) =>
      Math.hypot(...x.values.slice(i * k, i * k + k)),
    );
    return [map(x, (v, i) => v / lengths[Math.floor(i / k)])];
  },
  ArgMin: ([
    {
      dims: [n, k],
      values,
    },
  ]) => [
    {
      dims: [n],
      values: Array.from({ length: n }, (_, i) => {
        const row = values.slice(i * k, i * k + k);
        return row.indexOf(Math.min(...row));
      }),
    },
  ],
  Gather: ([
    {
      dims: [, k],
      values,
    },
    which,
  ]) => [
    {
      dims: [which.values.length, k],
      values: which.values.flatMap((i) => values.slice(i * k, i * k + k)),
    },
  ],
};

/** Every value by its name, of a graph that was read, for these values of `image`. */
export function runOnnx({ inputs, constants, nodes }, image) {
  const [, ...dims] = inputs.image;
  const values = new Map(constants.map(({ name, ...tensor }) => [name, tensor]));
  values.set('image', { dims: [image.length / sizeOf(dims), ...dims], values: [...image] });
  for (const { op, inputs: names, outputs, with: how } of nodes) {
    const results = OPERATORS[op](
      names.map((name) => values.get(name)),
      how,
    );
    for (const [i, name] of outputs.entries()) values.set(name, results[i]);
  }
  return values;
}
