import { tellCount, tellDuration } from './book.ts'
import { figuresOf, isShared, isStored } from './expected.ts'
import { diagnosticsOf } from './fhir-client.ts'
import {
  askOnce,
  codeOf,
  nameOf,
  nothing,
  observationsOf,
  participant,
  readFigures,
  type Stage,
  sharedWith,
  status,
  total,
} from './stage.ts'
import { scopes } from './tokens.ts'
import { sentOf, toBundle } from './upload.ts'

type Play = (stage: Stage) => Promise<void>

const patientReads: Play = async stage => {
  const { book, signIn, readings } = stage
  book.chapter('Ana reads her own data, and nobody else’s')
  const ana = participant(stage, 'Ana')
  const ben = participant(stage, 'Ben')
  const reader = await signIn.patient(ana.patient, scopes.patient)
  const own = figuresOf(readings, 'all', (person, reading) => person === ana.person && isStored(person, reading))
  await readFigures(stage, reader, 'Ana Castillo, patient', 'all', own)
  await askOnce(stage, reader, 'Ana Castillo', `Observation?patient=${ben.patient}&_summary=count`, {
    read: total,
    wanted: 0,
  })
  await askOnce(stage, reader, 'Ana Castillo', `Patient/${ben.patient}`, { read: status, wanted: 404 })
  await askOnce(stage, signIn.nobody, 'Nobody, without a token', 'Observation?_summary=count', {
    read: status,
    wanted: 401,
  })
}

const spellings = [
  'http://purl.bioontology.org/ontology/SNOMEDCT/78564009',
  'http://snomed.info/sct|78564009',
  'http://loinc.org|8867-4',
  'https://w3id.org/openmhealth|omh:heart-rate:2.0',
  'omh:heart-rate',
]

const scopedAppReads: Play = async stage => {
  const { book, signIn, readings } = stage
  book.chapter('An app that Ana lets see her heart rate, and nothing else')
  book.line(`  its scope: ${scopes.heartRate}`)
  const ana = participant(stage, 'Ana')
  const app = await signIn.patient(ana.patient, scopes.heartRate)
  const heartRate = figuresOf(readings, 'heartRate', person => person === ana.person)
  await readFigures(stage, app, 'The heart app', 'heartRate', heartRate)
  await readFigures(stage, app, 'The heart app', 'all', { ...heartRate, mean: undefined })
  for (const code of spellings) {
    await askOnce(stage, app, 'The heart app', `Observation?code=${encodeURIComponent(code)}&_summary=count`, {
      read: total,
      wanted: heartRate.count,
      told: got => `${tellCount(got)}, for ${code}`,
    })
  }
  await readFigures(stage, app, 'The heart app', 'glucose', nothing)
  const own = await signIn.patient(ana.patient, scopes.patient)
  const { body } = await own.get(`Observation?code=${codeOf('glucose')}&_count=1`)
  await askOnce(stage, app, 'The heart app', `Observation/${body?.entry?.[0]?.resource?.id}`, {
    read: status,
    wanted: 404,
    told: got => `${got}: Ana’s glucose is not known to it`,
  })
  await askOnce(stage, app, 'The heart app', `Patient/${ana.patient}`, { read: status, wanted: 403 })
}

const studyReads: Play = async stage => {
  const { book, signIn, world } = stage
  book.chapter('Study A: only who consented, only what, only from the devices they named')
  const investigator = await signIn.colleague('investigator', scopes.read, world.ids.studies.metabolism)
  for (const measure of ['heartRate', 'glucose', 'bloodPressure', 'sleep', 'steps'] as const) {
    await readFigures(stage, investigator, nameOf('investigator'), measure, sharedWith(stage, 'metabolism', measure))
  }
  await askOnce(stage, investigator, nameOf('investigator'), 'Patient?_summary=count', {
    read: total,
    wanted: peopleIn(stage, 'metabolism'),
    told: got => `${got} people, by name: study A is identified`,
  })
  const lab = await signIn.colleague('labResearcher', scopes.read)
  await readFigures(stage, lab, nameOf('labResearcher'), 'sleep', sharedWith(stage, 'metabolism', 'sleep'))
  const collaborator = await signIn.colleague('collaborator', scopes.read)
  await readFigures(
    stage,
    collaborator,
    nameOf('collaborator'),
    'bloodPressure',
    sharedWith(stage, 'metabolism', 'bloodPressure'),
  )
  await readFigures(stage, collaborator, nameOf('collaborator'), 'steps', nothing)
}

const peopleIn = ({ world, readings }: Stage, to: 'metabolism' | 'shifts'): number =>
  figuresOf(readings, 'all', (person, reading) => isShared(person, reading, to, world.now)).people

const secondStudyReads: Play = async stage => {
  const { book, signIn, world } = stage
  book.chapter('Study B, in another institution: its own people, by code, and nothing of study A')
  const analyst = await signIn.colleague('analyst', scopes.read)
  for (const measure of ['steps', 'heartRate', 'glucose', 'bloodPressure'] as const) {
    await readFigures(stage, analyst, nameOf('analyst'), measure, sharedWith(stage, 'shifts', measure))
  }
  const ana = participant(stage, 'Ana')
  await askOnce(stage, analyst, nameOf('analyst'), `Observation?patient=${ana.patient}&_summary=count`, {
    read: total,
    wanted: 0,
  })
  const jonas = participant(stage, 'Jonas')
  await askOnce(stage, analyst, nameOf('analyst'), `Patient/${jonas.patient}`, {
    read: status,
    wanted: 404,
    told: got => `${got}: a coded study knows Jonas as ResearchSubject only`,
  })
  await askOnce(stage, analyst, nameOf('analyst'), 'ResearchSubject?_summary=count', {
    read: total,
    wanted: world.enrolled.filter(({ consents }) => consents.has('shifts')).length,
  })
}

const othersRead: Play = async stage => {
  const { book, signIn } = stage
  book.chapter('A physician whom three people chose; and those whom nobody chose')
  const clinician = await signIn.colleague('clinician', scopes.read)
  for (const measure of ['bloodPressure', 'heartRate', 'glucose', 'sleep'] as const) {
    await readFigures(stage, clinician, nameOf('clinician'), measure, sharedWith(stage, 'clinician', measure))
  }
  const dean = await signIn.colleague('dean', scopes.read)
  await readFigures(stage, dean, nameOf('dean'), 'all', nothing)
  const stranger = await signIn.colleague('stranger', scopes.read)
  await readFigures(stage, stranger, nameOf('stranger'), 'all', nothing)
  await askOnce(stage, stranger, nameOf('stranger'), `Patient/${participant(stage, 'Ana').patient}`, {
    read: status,
    wanted: 404,
  })
  await askOnce(stage, await signIn.administrator(), 'The administrator', 'Observation?_summary=count', {
    read: status,
    wanted: 403,
    told: got => `${got}: administrators see no one’s health data`,
  })
}

const withdrawal: Play = async stage => {
  const { book, signIn, world, readings } = stage
  book.chapter('Ines withdraws')
  const ines = participant(stage, 'Ines')
  const self = await signIn.patient(ines.patient, scopes.patient)
  const investigator = await signIn.colleague('investigator', scopes.read, world.ids.studies.metabolism)
  const path = `Observation?patient=${ines.patient}&_summary=count`
  await askOnce(stage, investigator, nameOf('investigator'), path, {
    read: total,
    wanted: figuresOf(
      readings,
      'all',
      (person, reading) => person === ines.person && isShared(person, reading, 'metabolism', world.now),
    ).count,
  })
  const { body } = await self.get(`Consent/${ines.consents.get('metabolism')}`)
  await self.update({ ...body, status: 'inactive' })
  book.line(`  Ines Pereira\n    PUT Consent/${body.id}, status inactive`)
  await askOnce(stage, investigator, nameOf('investigator'), path, {
    read: total,
    wanted: 0,
    told: got => `${got}, in the very next request`,
  })
  await readFigures(
    stage,
    investigator,
    nameOf('investigator'),
    'sleep',
    sharedWith(stage, 'metabolism', 'sleep', ines),
  )
  const own = figuresOf(readings, 'all', (person, reading) => person === ines.person && isStored(person, reading))
  await askOnce(stage, self, 'Ines Pereira', 'Observation?_summary=count', {
    read: total,
    wanted: own.count,
    told: got => `${tellCount(got)}: her own data stays hers`,
  })
}

const sentAgain: Play = async stage => {
  const { book, signIn, readings } = stage
  book.chapter('Apps repeat themselves')
  const chloe = participant(stage, 'Chloe')
  const app = await signIn.patient(chloe.patient, scopes.patient)
  const day = sentOf(chloe, readings)[12] ?? []
  const before = await app.get('Observation?_summary=count')
  const { body, durationMs } = await app.post(toBundle(chloe, day))
  const statuses: readonly string[] = body.entry.map(
    ({ response }: { response: { status: string } }) => response.status,
  )
  book.expect({
    who: 'Chloe’s app',
    asked: `POST a day of ${day.length} Observations once more`,
    got: statuses.filter(one => one.startsWith('200')).length,
    wanted: day.length,
    told: `${statuses.filter(one => one.startsWith('201')).length} created`,
    durationMs,
  })
  await askOnce(stage, app, 'Chloe', 'Observation?_summary=count', { read: total, wanted: before.body.total })
}

const refusedUpload: Play = async stage => {
  const { book, signIn, readings } = stage
  book.chapter('Without consent nothing is stored')
  const kavya = participant(stage, 'Kavya')
  const app = await signIn.patient(kavya.patient, scopes.patient)
  const day = readings.get(kavya.person)?.[3] ?? []
  const { body, durationMs } = await app.post(toBundle(kavya, day))
  const refused = body.entry.filter(({ response }: { response: { status: string } }) => /^403/.test(response.status))
  book.expect({
    who: 'Kavya’s app, while her Consent is only proposed',
    asked: `POST a day of ${day.length} Observations`,
    got: refused.length,
    wanted: day.length,
    told: `${refused.length} × 403: ${diagnosticsOf(refused[0]?.response.outcome) ?? ''}`,
    durationMs,
  })
  await askOnce(stage, app, 'Kavya', 'Observation?_summary=count', { read: total, wanted: 0 })
}

const howFast: Play = async stage => {
  const { book, signIn, world } = stage
  book.chapter('How fast')
  const investigator = await signIn.colleague('investigator', scopes.read, world.ids.studies.metabolism)
  const ana = participant(stage, 'Ana')
  for (const [what, path] of [
    ['the 20 newest heart rates of Ana', `Observation?patient=${ana.patient}&code=${codeOf('heartRate')}`],
    ['the 20 newest glucose values of the study', `Observation?code=${codeOf('glucose')}`],
    ['1,000 heart rates of the study', observationsOf('heartRate')],
  ] as const) {
    const timings: number[] = []
    for (let round = 0; round < 20; round += 1) timings.push((await investigator.get(path)).durationMs)
    const sorted = timings.toSorted((one, other) => one - other)
    book.line(`  ${what}: median ${tellDuration(sorted[10] ?? 0)}, slowest of 20 ${tellDuration(sorted[19] ?? 0)}`)
  }
}

/** In this order: a withdrawal changes what can be read after it. */
export const scenes: readonly Play[] = [
  patientReads,
  scopedAppReads,
  studyReads,
  secondStudyReads,
  othersRead,
  refusedUpload,
  sentAgain,
  withdrawal,
  howFast,
]
