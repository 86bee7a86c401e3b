/** For each source: how many documents, and how many bytes of them, are kept at most. One patient may fill a tenth of that. */
export type QuarantineRoom = { readonly documents: number; readonly bytes: number }

/** What is kept for one patient and source. */
export type Usage = {
  readonly source: string
  readonly patient: string
  readonly documents: number
  readonly bytes: string
}

type New = { readonly source: string; readonly patient: string; readonly bytes: number }

/** Answers whether there is room for one more, and takes it. */
export const roomIn = (room: QuarantineRoom, used: readonly Usage[]): ((one: New) => boolean) => {
  const taken = new Map<string, { documents: number; bytes: number }>()
  const of = (key: string) => {
    const known = taken.get(key) ?? { documents: 0, bytes: 0 }
    taken.set(key, known)
    return known
  }
  const places = ({ source, patient }: Pick<New, 'source' | 'patient'>) => [
    { place: of(source), documents: room.documents, bytes: room.bytes },
    { place: of(`${source}/${patient}`), documents: Math.ceil(room.documents / 10), bytes: Math.ceil(room.bytes / 10) },
  ]
  const add = (one: Pick<New, 'source' | 'patient'>, documents: number, bytes: number) => {
    for (const { place } of places(one)) {
      place.documents += documents
      place.bytes += bytes
    }
  }
  for (const one of used) add(one, one.documents, Number(one.bytes))
  return one => {
    const fits = places(one).every(
      ({ place, documents, bytes }) => place.documents < documents && place.bytes + one.bytes <= bytes,
    )
    if (fits) add(one, 1, one.bytes)
    return fits
  }
}
