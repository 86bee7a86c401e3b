/**
 * What comes, laid together as it comes. A piece takes some 400 bytes beside its own, and one that was cut out of what the network read
 * keeps all of that, up to 64 KB: of who sends byte by byte, a few megabytes that are kept in their pieces take all the memory there is.
 */
export async function* largePieces(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let room = Buffer.allocUnsafe(roomBytes)
  let filled = 0
  for await (const piece of stream) {
    if (filled > 0 && filled + piece.length > roomBytes) {
      yield room.subarray(0, filled)
      room = Buffer.allocUnsafe(roomBytes)
      filled = 0
    }
    if (piece.length >= roomBytes) yield piece
    else filled += piece.copy(room, filled)
  }
  if (filled > 0) yield room.subarray(0, filled)
}

const roomBytes = 65_536
