import type { Store, Write, Written } from './store.ts'

/** Writes one thing, and answers it as it is stored; throws the error with which it is refused. */
export const writeOrThrow = async (
  store: Pick<Store, 'write'>,
  write: Write,
): Promise<Exclude<Written, { readonly outcome: 'refused' }>> => {
  const [written] = await store.write([write])
  if (written === undefined) throw new Error('the store did not answer for its write')
  if (written.outcome === 'refused') throw written.error
  return written
}
