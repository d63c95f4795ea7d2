// For a Node whose Brotli decoder is not safe (lib/node-floor.ts): nothing in this process decodes Brotli any more. fetch takes whatever
// encoding an answer claims, also one that was not asked for, and so may every other client; they all end in the one decoder of zlib.
import { syncBuiltinESMExports } from 'node:module'
import type { Transform } from 'node:stream'
import zlib from 'node:zlib'

/** Has every decoder of Brotli refuse its first byte, those that exist and those to come; gzip and deflate are as before. */
export function refuseBrotli (): void {
  const refusal = (): Error => Object.assign(new Error('An answer in Brotli is refused: the decoder of this Node is not safe; upgrade Node'), { code: 'ERR_BROTLI_REFUSED' })
  // createBrotliDecompress cannot be replaced, but what it makes can: streams, callbacks and DecompressionStream all pass here.
  const decoder = zlib.BrotliDecompress.prototype as unknown as Pick<Transform, '_transform' | '_flush'>
  // As a fault of the input ends it, which is found on another thread: fetch does not hear of one that comes before it has returned.
  decoder._transform = decoder._flush = function (this: Transform) { setImmediate(() => { this.destroy(refusal()) }) }
  zlib.brotliDecompressSync = () => { throw refusal() }
  syncBuiltinESMExports() // what was imported by its name too
}
