import { Readable } from 'node:stream'
import t from 'tap'
import { largePieces } from '../../src/messages/large-pieces.ts'

t.test('bytes that arrive one by one are kept in few pieces, without the buffers that they came in', async t => {
  const read = Array.from({ length: 200 }, (_, number) => Buffer.alloc(65_536, number))
  const pieces = await Array.fromAsync(largePieces(Readable.from(read.map(one => one.subarray(7, 8)))))
  t.same(pieces, [Buffer.from(read.map((_, number) => number))])
  t.notOk(
    read.some(({ buffer }) => pieces.some(piece => piece.buffer === buffer)),
    'each of the two hundred would keep 64 KB for its byte',
  )
})

t.test('small and large pieces keep their order, none becomes longer, and nothing stays nothing', async t => {
  const sent = [1, 65_535, 2, 70_000, 3, 65_536, 65_530, 6, 1].map((length, number) => Buffer.alloc(length, number))
  const pieces = await Array.fromAsync(largePieces(Readable.from(sent)))
  t.same(Buffer.concat(pieces), Buffer.concat(sent))
  t.same(
    pieces.map(({ length }) => length),
    [65_536, 2, 70_000, 3, 65_536, 65_536, 1],
  )
  t.same(await Array.fromAsync(largePieces(Readable.from([]))), [])
})
