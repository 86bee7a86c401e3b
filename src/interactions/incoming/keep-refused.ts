import { FhirError, type Issue } from '../../fhir/error.ts'
import type { Kept } from '../../storage/quarantine/refused-upload.ts'
import type { RefusedUpload } from '../../storage/store.ts'
import type { Context, Prepared, Ready } from '../interaction.ts'
import { decidePolicies } from './decide-policy.ts'

type Asking = Pick<Context, 'store' | 'registry'>

/**
 * Like `decidePolicies`, for uploads: documents that are refused are kept before anything is answered, for those who look after them here, and
 * the sender is told so, with the reasons.
 */
export const decideKeeping = async (
  prepared: readonly Prepared[],
  context: Asking,
): Promise<readonly (Ready | FhirError)[]> => {
  const decided = await decidePolicies(prepared, context)
  const told = await keep(refusedAmong(prepared, decided), context)
  return decided.map((one, index) => told.get(index) ?? one)
}

/** A document that was refused, by its place among the writes. */
export type Refused = { readonly index: number; readonly prepared: Keepable; readonly error: FhirError }

type Keepable = Extract<Prepared, { readonly asked: unknown }>

export const refusedAmong = (
  prepared: readonly Prepared[],
  decided: readonly (Ready | FhirError)[],
): readonly Refused[] =>
  prepared.flatMap((one, index) => {
    const error = decided[index]
    return error instanceof FhirError && 'asked' in one && one.upload !== undefined
      ? [{ index, prepared: one, error }]
      : []
  })

/** What is answered for each of them, by its place among the writes: the reasons, and whether it was kept. */
export const keep = async (refused: readonly Refused[], context: Asking): Promise<ReadonlyMap<number, FhirError>> => {
  if (refused.length === 0) return new Map()
  const uploads = refused.flatMap(one => {
    const upload = refusedUpload(one, context)
    return upload === undefined ? [] : [{ ...one, upload }]
  })
  const kept = await context.store.keepRefused(uploads.map(({ upload }) => upload))
  return new Map(uploads.map(({ index, error }, position) => [index, telling(error, kept[position])]))
}

/** Undefined if it is nested too deeply to be written. */
const refusedUpload = ({ prepared, error }: Refused, context: Asking): RefusedUpload | undefined => {
  const { asked, device, upload } = prepared
  if (upload === undefined) return undefined
  const { body, ...asSent } = upload()
  const sent = textOf(body)
  const [first] = error.issues
  return sent === undefined
    ? undefined
    : {
        ...asSent,
        asked,
        ...(device && { device }),
        sent,
        issues: error.issues,
        rule: first.details?.code ?? 'observation-broken',
        pointer: first.pointer ?? elementIn(first, context),
      }
}

const textOf = (body: unknown): string | undefined => {
  try {
    return JSON.stringify(body)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** `Observation.component`: no deeper, since the sender may have chosen the names below. */
const elementIn = ({ expression = '' }: Issue, { registry }: Asking): string => {
  const name = /^Observation\.(\w+)/.exec(expression)?.[1] ?? ''
  const isKnown = registry.structures.get('Observation')?.root.children.has(name) ?? false
  return isKnown ? `Observation.${name}` : 'Observation'
}

const telling = (error: FhirError, kept: Kept | undefined): FhirError => {
  const message = messageOf(kept)
  if (message === undefined) return error
  const issue: Issue = { code: 'processing', severity: 'information', message }
  return FhirError.of([...error.issues, issue], { status: error.status })
}

/** Whoever may not write for the patient is not told whether there was room to keep it. */
const messageOf = (kept: Kept | undefined): string | undefined => {
  switch (kept?.kind) {
    case 'kept':
      return `It is kept in quarantine as ${kept.id}: whoever looks after the study or the data source can have it accepted once the cause is fixed, and the patient sees it at /account/refused`
    case 'full':
      return 'It is not kept: there is no room in quarantine for more from this source, or of this patient'
    default:
      return undefined
  }
}
