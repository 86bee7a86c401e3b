/**
 * Collects what arrives in large pieces. A piece takes some 400 bytes besides its own, and one that was cut out of what was read from the
 * network keeps all of that in memory, up to 64 KB. So if somebody sends byte by byte, keeping a few megabytes in their original pieces would
 * take all the memory there is.
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
