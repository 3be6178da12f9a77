// JPEG files, and what cameras write into them.

/** Made by libjpeg at quality 100; all but the last are 16x8, of two flat halves. */
export const JPEGS = {
  GREY:
    '/9j/2wBDAAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ' +
    'EBAQH/wAALCAAIABABAREA/8QAFQABAQAAAAAAAAAAAAAAAAAABwr/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/9oACAEB' +
    'AAA/AEhCu//Z',
  COLOUR:
    '/9j/2wBDAAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ' +
    'EBAQH/2wBDAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB' +
    'AQEBAQH/wAARCAAIABADAREAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAABgn/xAAUEAEAAAAAAAAAAAAAAAAAAA' +
    'AA/8QAFQEBAQAAAAAAAAAAAAAAAAAACQr/xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oADAMBAAIRAxEAPwA+K82CL6+h' +
    'Mu//2Q==',
  PROGRESSIVE:
    '/9j/2wBDAAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ' +
    'EBAQH/2wBDAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB' +
    'AQEBAQH/wgARCAAIABADAREAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAABQj/xAAVAQEBAAAAAAAAAAAAAAAAAA' +
    'AICf/aAAwDAQACEAMQAAABPK7Yi++ky//EABQQAQAAAAAAAAAAAAAAAAAAABD/2gAIAQEAAQUCP//EABQRAQAAAAAA' +
    'AAAAAAAAAAAAABD/2gAIAQMBAT8BP//EABQRAQAAAAAAAAAAAAAAAAAAABD/2gAIAQIBAT8BP//EABQQAQAAAAAAAA' +
    'AAAAAAAAAAABD/2gAIAQEABj8CP//EABQQAQAAAAAAAAAAAAAAAAAAABD/2gAIAQEAAT8hP//aAAwDAQACAAMAAAAQ' +
    'A//EABQRAQAAAAAAAAAAAAAAAAAAABD/2gAIAQMBAT8QP//EABQRAQAAAAAAAAAAAAAAAAAAABD/2gAIAQIBAT8QP/' +
    '/EABQQAQAAAAAAAAAAAAAAAAAAABD/2gAIAQEAAT8QP//Z',
  CMYK:
    '/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwABAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ' +
    'EBAQEBAQEBAQEBAQEBAQEBAQEB/8AAFAgACAAQBEMRAE0RAFkRAEsRAP/EABcAAQEBAQAAAAAAAAAAAAAAAAoLCAn/' +
    'xAAUEAEAAAAAAAAAAAAAAAAAAAAA/9oADgRDAE0AWQBLAAA/AEgMPjHn8Jf7l+qoADv/2Q==',
  YCCK:
    '/9j/7gAOQWRvYmUAZAAAAAAC/9sAQwABAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ' +
    'EBAQEBAQEBAQEBAQEBAQEBAQEB/9sAQwEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB' +
    'AQEBAQEBAQEBAQEBAQEBAQEBAQEB/8AAFAgACAAQBAERAAIRAQMRAQQRAP/EABYAAQEBAAAAAAAAAAAAAAAAAAoFCf' +
    '/EABQQAQAAAAAAAAAAAAAAAAAAAAD/xAAVAQEBAAAAAAAAAAAAAAAAAAAJCv/EABQRAQAAAAAAAAAAAAAAAAAAAAD/' +
    '2gAOBAEAAhEDEQQAAD8AsFQCefw2gQLqaAB3/9k=',
  // 24x16, grey: 3 by 2 blocks of 10, 60, 110 and 150, 200, 250.
  BLOCKS:
    '/9j/2wBDAAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ' +
    'EBAQH/wAALCAAQABgBAREA/8QAFQABAQAAAAAAAAAAAAAAAAAACQr/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/9oACAEB' +
    'AAA/AITzIGQKAZAyD//Z',
};

/**
 * Exif data: a directory of entries of tag, type, count and value.
 * @param {[number, number, number, number][]} entries
 * @param {{big?: boolean, at?: number, count?: number}} [odd] big-endian; where the directory is said
 *   to be, and of how many entries
 */
export function tiff(entries, { big = false, at = 8, count = entries.length } = {}) {
  const bytes = Buffer.alloc(8 + 2 + 12 * entries.length + 4);
  /** @param {number} value @param {number} to */
  const put2 = (value, to) =>
    big ? bytes.writeUInt16BE(value, to) : bytes.writeUInt16LE(value, to);
  /** @param {number} value @param {number} to */
  const put4 = (value, to) =>
    big ? bytes.writeUInt32BE(value, to) : bytes.writeUInt32LE(value, to);
  bytes.write(big ? 'MM' : 'II');
  put2(42, 2);
  put4(at, 4);
  put2(count, 8);
  for (const [i, [tag, type, values, value]] of entries.entries()) {
    put2(tag, 10 + 12 * i);
    put2(type, 12 + 12 * i);
    put4(values, 14 + 12 * i);
    (type === 3 ? put2 : put4)(value, 18 + 12 * i);
  }
  return bytes;
}

/** Exif's orientation, 1 to 8, as cameras write it. @param {number} value @returns {[number, number, number, number]} */
export const orientation = (value) => [0x0112, 3, 1, value];

/** The JPEG with these APP1 segments in front. @param {Buffer} jpeg @param {...Uint8Array} segments */
export function withApp1(jpeg, ...segments) {
  const parts = segments.map((body) => {
    const head = Buffer.from([0xff, 0xe1, 0, 0]);
    head.writeUInt16BE(body.length + 2, 2);
    return Buffer.concat([head, body]);
  });
  return Buffer.concat([jpeg.subarray(0, 2), ...parts, jpeg.subarray(2)]);
}

/** The same with Exif data. @param {Buffer} jpeg @param {...Uint8Array} all each of them a TIFF file */
export function withExif(jpeg, ...all) {
  return withApp1(jpeg, ...all.map((data) => Buffer.concat([Buffer.from('Exif\0\0'), data])));
}
