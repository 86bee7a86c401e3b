import { FhirError, type Issue } from '../fhir/error.ts'
import type { Kept } from '../storage/refused-upload.ts'
import type { PolicyAsked, RefusedUpload } from '../storage/store.ts'
import { decidePolicies } from './decide-policy.ts'
import type { Context, Prepared, Ready } from './interaction.ts'

type Asking = Pick<Context, 'store'>

/**
 * What may be written of uploads, as `decidePolicies` has it. What a policy refuses is kept before anything is answered, for
 * those who look after it here; its sender is told so beside the reasons.
 */
export const decideKeeping = async (
  prepared: readonly Prepared[],
  context: Asking,
): Promise<readonly (Ready | FhirError)[]> => {
  const decided = await decidePolicies(prepared, context)
  const refused = prepared.flatMap((one, index) => {
    const error = decided[index]
    return error instanceof FhirError && 'upload' in one && one.upload !== undefined
      ? [{ index, error, upload: refusedUpload(one, one.upload(), error) }]
      : []
  })
  if (refused.length === 0) return decided
  const kept = await context.store.keepRefused(refused.map(({ upload }) => upload))
  const told = new Map(refused.map(({ index, error }, position) => [index, telling(error, kept[position])]))
  return decided.map((one, index) => told.get(index) ?? one)
}

type Upload = ReturnType<NonNullable<Extract<Prepared, { readonly asked: unknown }>['upload']>>

const refusedUpload = (
  { asked, device }: PolicyAsked,
  { body, ...upload }: Upload,
  error: FhirError,
): RefusedUpload => {
  const [first] = error.issues
  return {
    ...upload,
    asked,
    ...(device && { device }),
    sent: JSON.stringify(body),
    issues: error.issues,
    rule: first.details?.code ?? first.code,
    pointer: first.pointer ?? '',
  }
}

const telling = (error: FhirError, kept: Kept | undefined): FhirError => {
  const message = messageOf(kept)
  if (message === undefined) return error
  const issue: Issue = { code: 'processing', severity: 'information', message }
  return FhirError.of([...error.issues, issue], { status: error.status })
}

/** Who may not write for the patient is not told of any room. */
const messageOf = (kept: Kept | undefined): string | undefined => {
  switch (kept?.kind) {
    case 'kept':
      return `It is kept in quarantine as ${kept.id}: whoever looks after the study or the data source can have it taken once what refuses it is mended`
    case 'full':
      return 'It is not kept: as much as may wait in quarantine from this source, or of this patient, waits already'
    default:
      return undefined
  }
}
