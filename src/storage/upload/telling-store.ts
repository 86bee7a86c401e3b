import type { Store, Write, Written } from '../store.ts'
import { type Fate, fateOf, isUpload } from './ingest.ts'

/** What became of a write, once it is committed. */
export type Told =
  | { readonly kind: 'upload'; readonly fate: Fate }
  | { readonly kind: 'refusal'; readonly interaction: string; readonly status: number }

type Tell = (told: readonly Told[]) => void

/** The same store, which tells what became of Observations that came in, and what was refused. */
export const tellingStore = (store: Store, tell: Tell): Store => ({
  ...store,
  write: async (writes, beside) => {
    const written = await store.write(writes, beside)
    tell(writes.flatMap((write, index) => toldOf(write, written[index])))
    return written
  },
  keepRefused: async refused => {
    const kept = await store.keepRefused(refused)
    tell(kept.flatMap(({ kind }) => (kind === 'not-theirs' ? [] : { kind: 'upload', fate: 'refused' })))
    return kept
  },
  atomic: async run => {
    let told: readonly Told[] = []
    const done = await store.atomic((inner, connection) => {
      // A commit that conflicted with another is tried again from the start.
      const gathered: Told[] = []
      told = gathered
      return run(
        tellingStore(inner, more => gathered.push(...more)),
        connection,
      )
    })
    tell(told)
    return done
  },
})

const toldOf = (write: Write, done: Written | undefined): readonly Told[] => {
  if (done === undefined) return []
  const refusal: readonly Told[] =
    done.outcome === 'refused' ? [{ kind: 'refusal', interaction: write.kind, status: done.error.status }] : []
  const isObservation = isUpload(write, done) && write.resource.resourceType === 'Observation'
  const fate = isObservation ? fateOf(write, done) : undefined
  return fate === undefined ? refusal : [...refusal, { kind: 'upload', fate }]
}
