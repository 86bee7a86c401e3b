import type { CodeableConcept, Observation, ObservationComponent, Patient, Quantity } from '@medplum/fhirtypes'
import { beginning } from '../../fhir/beginning.ts'
import { decimalText } from '../../fhir/json.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { statisticWords } from '../../fhir/measured/descriptive-statistic.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import { timeCells } from '../../operations/rows/time-cells.ts'
import { nameOf as nameOfConcept } from '../../operations/rows/value-cells.ts'
import { parseSearch } from '../../search/parse.ts'
import { displayOf } from '../../studies/definition/study-request.ts'
import { reasonNotRead } from '../../studies/definition/study-status.ts'
import { type ArrivedReading, findArrivals } from '../../studies/people/enrolled-people.ts'
import { codesOf, openStudyPlaces, placeOf } from '../../studies/people/study-places.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { hoursText } from '../page/hours-text.ts'
import { type Html, html } from '../page/html.ts'
import { requireSession } from '../page/signed-in.ts'
import { dayOrMoment, moment } from '../page/time.ts'
import { patientUrl, placeUrl } from '../patient/patient-back.ts'
import type { OfStudy } from '../study-settings/study-changing.ts'
import { type ReadStudy, readStudyOf } from './read-study.ts'
import { nameOf } from './study-person.ts'
import { sendStudyPage } from './study-tabs.ts'

/** The data that arrived last of what people share with a study, and from whom. */
export const studyArrivalsPage: AddPage = (server, options) => {
  server.get<OfStudy>('/studies/:id/arrivals', { onRequest: requireSession }, async (request, reply) => {
    const read = await readStudyOf(request, options)
    const found = await findArrivals(options, read.caller, read.study.id ?? '', most + 1)
    const arrivals = found.slice(0, most)
    const people = await peopleOf(options, read, new Set(arrivals.flatMap(one => subjectOf(one) ?? [])))
    const byPerson = Map.groupBy(arrivals, one => people.get(subjectOf(one) ?? '') ?? 'Somebody')
    const isRead = reasonNotRead(read.study) === undefined
    return sendStudyPage(reply, read, {
      tab: '/arrivals',
      content:
        arrivals.length === 0
          ? html`${
              isRead &&
              html`<p>Nothing is shared with the study yet, or not with you. Data appears here as soon as a patient who shares it sends it.</p>
<p>${english.say('chart.never-how')}</p>`
            }`
          : html`<p>The data that arrived last: each person and kind of data once, with the newest reading.</p>
<ul class="list-group list-group-flush mb-4">${[...byPerson].map(
              ([person, theirs]) => html`<li class="list-group-item px-0 py-3">
<h2 class="h3">${person}</h2>
${theirs.map(
  ({
    observation,
    ...more
  }) => html`<p>${whatOf(observation, options.codeClasses)}${textOfValue(observation, options.codeClasses)}
<br><span class="text-body-secondary">${cameText(observation, more)}</span></p>`,
)}
</li>`,
            )}</ul>
${found.length > most && html`<p>These are the newest ${most}. When data of each person last came stands in the <a href="/studies/${read.study.id}">list of people</a>.</p>`}`,
    })
  })
}

const most = 30

const english = wordsFor('en')

const subjectOf = ({ observation }: ArrivedReading): string | undefined => observation.subject?.reference

/**
 * By the reference to the Patient: the name or, if the reader may not know it, the code, with a link to what they share. Several records of one
 * human are the same person.
 */
const peopleOf = async (
  { openStoreFor, registry }: PageOptions,
  { caller, study }: ReadStudy,
  references: ReadonlySet<string>,
): Promise<ReadonlyMap<string, Html | string>> => {
  if (references.size === 0) return new Map()
  const store = openStoreFor(caller)
  const here = `/studies/${study.id}/arrivals`
  const places = await openStudyPlaces({ store, registry, study: study.id ?? '' })(references)
  const enrolledOf = (reference: string) => placeOf(places.get(reference) ?? [])?.patient ?? idOf(reference)
  const query = new URLSearchParams({ _id: [...new Set([...references].map(enrolledOf))].join(','), _count: '100' })
  const patients = (await store.search(parseSearch(registry, 'Patient', query))).entries.map(
    ({ content }): Patient => JSON.parse(content),
  )
  const shown = new Map<string, Html | string>()
  for (const reference of references) {
    const id = enrolledOf(reference)
    if (shown.has(id)) continue
    const patient = patients.find(one => one.id === id)
    const own = places.get(reference) ?? []
    const name = nameOf({ codes: codesOf(own), ...(patient && { patient }) })
    const place = placeOf(own)
    const url = patient ? patientUrl(id, here) : place && placeUrl(study, place.id, here)
    shown.set(id, url === undefined ? name : html`<a href="${url}">${name}</a>`)
  }
  return new Map([...references].map(reference => [reference, shown.get(enrolledOf(reference)) ?? 'Somebody']))
}

const idOf = (reference: string): string => reference.replace('Patient/', '')

const whatOf = ({ code: { coding = [], text } }: Observation, classes: CodeClasses): string => {
  const [kind] = kindsOf({ coding }, classes)
  return kind === undefined ? (text ?? coding[0]?.display ?? coding[0]?.code ?? 'a reading') : displayOf(kind, classes)
}

/** The text of a reading with one or several values; for a statistic, also which one it is, and for one that does not count, why. */
const textOfValue = (observation: Observation, classes: CodeClasses): string => {
  const { status } = observation
  const { paired, apart } = partsOf(observation, classes)
  const texts = [
    paired.flatMap(one => textOf(one) ?? []).join(' / '),
    ...apart.flatMap(one => textOf(one) ?? []),
  ].filter(Boolean)
  const words = [statisticWords(observation), status && mistakes[status]].flatMap(word => word ?? [])
  const which = words.length === 0 ? '' : ` (${words.join(', ')})`
  return texts.length === 0 ? which : `, ${texts.join(', ')}${which}`
}

type Part = Observation | ObservationComponent

/**
 * What is measured together is written like a blood pressure, also if one is missing. A posture is no part of that, nor is the pulse: it is of a kind,
 * and in a unit, of its own.
 */
const partsOf = (observation: Observation, classes: CodeClasses) => {
  const { code, component = [] } = observation
  const own = new Set(kindsOf(code, classes))
  const isOther = (one: Part) =>
    one.valueCodeableConcept !== undefined ||
    one.valueBoolean !== undefined ||
    (one.code !== code && kindsOf(one.code, classes).some(kind => !own.has(kind)))
  const { other = [], alike = [] } = Object.groupBy([observation, ...component], one =>
    isOther(one) ? 'other' : 'alike',
  )
  const [unit] = alike.flatMap(({ valueQuantity }) => (valueQuantity && unitOf(valueQuantity)) ?? [])
  const { others = [], paired = [] } = Object.groupBy(alike, ({ valueQuantity }) =>
    valueQuantity === undefined || unitOf(valueQuantity) === unit ? 'paired' : 'others',
  )
  return { paired, apart: [...others, ...other] }
}

const kindsOf = ({ coding = [] }: CodeableConcept, classes: CodeClasses): readonly string[] =>
  coding.flatMap(one => classes.kindOf(one.system, one.code ?? '') ?? [])

/** Undefined for values that are too long for a line; if a value is missing, the reason. */
const textOf = (valued: Part): string | undefined => {
  const { valueQuantity, valueCodeableConcept, valueString, valueInteger, valueBoolean, dataAbsentReason } = valued
  if (valueQuantity !== undefined) return quantityText(valueQuantity)
  if (dataAbsentReason !== undefined) return `no value (${nameOfConcept(dataAbsentReason) ?? 'no reason given'})`
  if (valueBoolean !== undefined) return valueBoolean ? 'yes' : 'no'
  return (
    nameOfConcept(valueCodeableConcept) ?? (valueString && beginning(valueString, 200)) ?? decimalText(valueInteger)
  )
}

const quantityText = (quantity: Quantity): string => {
  const { comparator, unit, code } = quantity
  const digits = decimalText(quantity.value) ?? ''
  const hours = hoursText(digits, unit ?? code, english)
  const texts = hours === undefined ? [digits && english.decimal(digits), unitOf(quantity)] : [hours]
  return [comparator, ...texts].filter(Boolean).join(' ')
}

/** The unit as its code spells it, if they differ only in case, as for `mg/dl`, which the profiles of glucose monitors require. */
const unitOf = ({ unit, code }: Quantity): string | undefined =>
  unit?.toLowerCase() === code?.toLowerCase() ? code : (unit ?? code)

const mistakes: Readonly<Partial<Record<NonNullable<Observation['status']>, string>>> = {
  'entered-in-error': 'entered in error',
  cancelled: 'cancelled',
}

const cameText = (observation: Observation, { arrived, count, since }: Omit<ArrivedReading, 'observation'>): Html => {
  const first = since === null ? undefined : html`, the first measured ${dayOrMoment(since, english)}`
  return html`Arrived ${moment(arrived)}${measuredOf(observation)}${count > 1 && html`: the newest of ${count.toLocaleString('en')}${first}`}`
}

const measuredOf = (observation: Observation): Html | undefined => {
  const { start, end = start } = timeCells(observation)
  return end === undefined ? undefined : html`, measured ${dayOrMoment(end, english, 'last')}`
}
