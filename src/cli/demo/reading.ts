import { tellCount } from './book.ts'
import { figuresOf, isShared, isStored } from './expected.ts'
import {
  askOnce,
  codeOf,
  nameOf,
  nothing,
  type Play,
  participant,
  readFigures,
  type Stage,
  sharedWith,
  status,
  total,
} from './stage.ts'
import { scopes } from './tokens.ts'

export const patientReads: Play = async stage => {
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

export const scopedAppReads: Play = async stage => {
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

export const studyReads: Play = async stage => {
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

export const secondStudyReads: Play = async stage => {
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

export const othersRead: Play = async stage => {
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
