import { type Contract, contractOf, toObservation } from './document.ts'
import { isStored, type Readings } from './expected.ts'
import { type Answer, diagnosticsOf, type FhirClient } from './fhir-client.ts'
import type { Reading } from './physiology.ts'
import type { SignIn } from './tokens.ts'
import type { Enrolled } from './world.ts'

export type Uploaded = {
  readonly bundles: number
  readonly created: number
  readonly refused: number
  /** Why the server refused some of them, in its words. */
  readonly reason: string | undefined
}

/** Told how much each Bundle sent. */
type Tell = (sent: number) => void

/**
 * All apps upload at once, a Bundle a day, in the order of the days, each in the form of its own interface. An app that learns on the first day
 * that there is no consent to a kind of data does not send that again.
 */
export const uploadAll = async (
  signIn: SignIn,
  enrolled: readonly Enrolled[],
  readings: Readings,
  tell: Tell,
): Promise<ReadonlyMap<Contract, Uploaded>> => {
  const waiting = [...enrolled]
  const uploaded = new Map<Contract, Uploaded>()
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const contract = contractOf(next.person)
      const app = await signIn.uploading(contract, next.patient)
      const month = await uploadMonth(app, next, readings.get(next.person) ?? [], tell)
      uploaded.set(contract, sum(uploaded.get(contract) ?? none, month))
    }
  }
  await Promise.all(Array.from({ length: appsAtOnce }, work))
  return uploaded
}

const appsAtOnce = 4

/** What the app sends for each day. */
export const sentOf = ({ person }: Pick<Enrolled, 'person'>, readings: Readings): readonly (readonly Reading[])[] =>
  (readings.get(person) ?? [])
    .map((day, index) => (index === 0 ? day : day.filter(reading => isStored(person, reading))))
    .filter(day => day.length > 0)

const uploadMonth = async (
  app: FhirClient,
  enrolled: Enrolled,
  measured: readonly (readonly Reading[])[],
  tell: Tell,
): Promise<Uploaded> => {
  let done = none
  for (const day of sentOf(enrolled, new Map([[enrolled.person, measured]]))) {
    done = sum(done, toUploaded(await app.post(toBundle(enrolled, day))))
    tell(day.length)
  }
  return done
}

export const toBundle = ({ person, patient, devices }: Enrolled, readings: readonly Reading[]) => ({
  resourceType: 'Bundle',
  type: 'batch',
  entry: readings.map(reading => ({
    resource: toObservation(person, reading, { patient, device: devices[reading.source] }),
    request: { method: 'POST', url: 'Observation' },
  })),
})

const toUploaded = ({ status, body }: Answer): Uploaded => {
  if (status !== 200) throw new Error(`A Bundle was answered ${status}: ${diagnosticsOf(body) ?? ''}`)
  const answers: readonly { status: string; outcome?: unknown }[] = body.entry.map(
    ({ response }: { response: { status: string } }) => response,
  )
  const refused = answers.filter(answer => answer.status.startsWith('403'))
  const created = answers.filter(answer => answer.status.startsWith('201')).length
  const other = answers.find(answer => !/^(?:403|201|200)/.test(answer.status))
  if (other !== undefined)
    throw new Error(`An entry was answered ${other.status}: ${diagnosticsOf(other.outcome) ?? ''}`)
  return { bundles: 1, created, refused: refused.length, reason: diagnosticsOf(refused[0]?.outcome) }
}

const none: Uploaded = { bundles: 0, created: 0, refused: 0, reason: undefined }

const sum = (one: Uploaded, other: Uploaded): Uploaded => ({
  bundles: one.bundles + other.bundles,
  created: one.created + other.created,
  refused: one.refused + other.refused,
  reason: one.reason ?? other.reason,
})
