import { tellCount, tellDuration } from './book.ts'
import { figuresOf, isShared, isStored } from './expected.ts'
import { diagnosticsOf } from './fhir-client.ts'
import {
  askOnce,
  codeOf,
  nameOf,
  observationsOf,
  type Play,
  participant,
  readFigures,
  sharedWith,
  total,
} from './stage.ts'
import { scopes } from './tokens.ts'
import { toBundle } from './upload.ts'

export const withdrawal: Play = async stage => {
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

export const sentAgain: Play = async stage => {
  const { book, signIn, readings } = stage
  book.chapter('Apps repeat themselves')
  const chloe = participant(stage, 'Chloe')
  const app = await signIn.patient(chloe.patient, scopes.patient)
  const day =
    readings
      .get(chloe.person)
      ?.at(-1)
      ?.filter(reading => isStored(chloe.person, reading)) ?? []
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

export const refusedUpload: Play = async stage => {
  const { book, signIn, readings } = stage
  book.chapter('Without consent nothing is stored')
  const kavya = participant(stage, 'Kavya')
  const app = await signIn.patient(kavya.patient, scopes.patient)
  const day = readings.get(kavya.person)?.at(-1) ?? []
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

export const howFast: Play = async stage => {
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
