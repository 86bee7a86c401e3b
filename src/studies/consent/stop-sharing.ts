import type { CodeableConcept, Coding, Consent, ConsentProvision } from '@medplum/fhirtypes'
import { deniesIn, readConsent } from '../../access/consent.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Words } from '../../messages/catalogue.ts'
import { replacing, write } from './own-consent.ts'
import type { OwnParts } from './own-record.ts'
import { type Sharing, sharingsOf } from './own-sharing.ts'
import type { SharedLine } from './shared-line.ts'
import { untilWritten } from './until-written.ts'

/** What somebody stops. `undefined` in the place of a line stands for a Consent that opens nothing. */
export type Stops = (sharing: Sharing, line: SharedLine | undefined) => boolean

/**
 * Ends what somebody stops. If something else is written meanwhile, by themselves in another window or by an app, it is asked anew what to
 * end: this was to end, whatever else was said.
 */
export const stopSharing = async (
  parts: OwnParts,
  { person, words }: { readonly person: string; readonly words: Words },
  stops: Stops,
): Promise<void> =>
  untilWritten(async () => {
    for (const sharing of await sharingsOf(parts, person, words)) await stopOne(parts, sharing, stops)
  })

const stopOne = async ({ codeClasses }: OwnParts, sharing: Sharing, stops: Stops): Promise<void> => {
  const { record, consent, lines, kept } = sharing
  if (kept !== undefined) return
  const ended = lines.filter(line => stops(sharing, line))
  if (lines.length > 0 ? ended.length === 0 : !stops(sharing, undefined)) return
  await write(
    record,
    replacing(
      consent,
      ended.length === lines.length ? { ...consent, status: 'inactive' } : without(consent, ended, codeClasses),
    ),
  )
}

/** The Consent without the lines. Nothing else changes: a permit of several kinds or sources goes on for the others, and what is denied stays denied. */
export const without = (
  consent: Consent,
  lines: readonly Pick<SharedLine, 'kind' | 'source'>[],
  classes: CodeClasses,
): Consent => {
  // It does not matter which sources a deny names: what it leaves of a permit has the same place in the Consent.
  const terms = readConsent(consent, { classes, isSource: () => true })
  const ended = (terms?.permits ?? []).filter(({ kind, device }) =>
    lines.some(line => line.kind === kind && line.source === device),
  )
  const left = (consent.provision?.provision ?? []).flatMap((provision, place) => {
    const sourcesEnded = (element: 'code' | 'class', index: number) =>
      ended.flatMap(({ expression, device }) =>
        expression === `Consent.provision.provision[${place}].${element}[${index}]` ? [device] : [],
      )
    if (provision.type !== 'permit') return [provision]
    const goesOn = goingOn(provision, sourcesEnded)
    return goesOn.length > 0 ? goesOn : deniesIn(provision.provision ?? [])
  })
  return { ...consent, provision: { ...consent.provision, type: 'deny', provision: left } }
}

const goingOn = (
  provision: ConsentProvision,
  sourcesEnded: (element: 'code' | 'class', index: number) => readonly (string | undefined)[],
): readonly ConsentProvision[] => {
  const { code, class: classes, data } = provision
  const parts = code === undefined ? (classes ?? []) : code
  if (parts.length === 0) return [provision]
  const ended = parts.map((_, index) => sourcesEnded(code === undefined ? 'class' : 'code', index))
  const withParts = (some: readonly (CodeableConcept | Coding)[]): ConsentProvision =>
    code === undefined ? { ...provision, class: some as Coding[] } : { ...provision, code: some as CodeableConcept[] }
  const whole = parts.filter((_, index) => ended[index]?.length === 0)
  const narrowed = parts.flatMap((part, index) => {
    const sources = data?.filter(
      ({ reference }) => !ended[index]?.includes(reference.reference?.replace('Device/', '')),
    )
    if (ended[index]?.length === 0 || sources === undefined || sources.length === 0) return []
    return [{ ...withParts([part]), data: sources }]
  })
  return [...(whole.length > 0 ? [withParts(whole)] : []), ...narrowed]
}
