import { isDeepStrictEqual } from 'node:util'
import type { Consent, Resource } from '@medplum/fhirtypes'
import fc from 'fast-check'
import t from 'tap'
import { openCodeClasses } from '../../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../../src/fhir/registry.ts'
import { all } from '../../../../src/search/expression.ts'
import { openDatabase } from '../../../../src/storage/database.ts'
import { reindex } from '../../../../src/storage/installation/reindex.ts'
import { sql } from '../../../../src/storage/sql.ts'
import { statesOf } from '../../../../src/storage/study/study-states.ts'
import * as w from '../world.ts'
import {
  type Given,
  hasLeft,
  isYes,
  kinds,
  type Model,
  newModel,
  type Of,
  openedBy,
  patients,
  readBy,
  readers,
  type Study,
  standing,
  studies,
  type Version,
} from './read-by.ts'

const wordsOf = (to: string, text: number) => `Text ${text} of ${to}`
const studyOf = (id: Of['to'], { status, staff, recipients }: Study): Resource => {
  const texts = recipients.map((named, index) => {
    const text = w.patientText(`${index}`, wordsOf(id, index), id === 'keeping' ? 'keep' : 'hide')
    const references = named === undefined ? [] : ['Organization/lab', ...named.map(one => `Practitioner/${one}`)]
    const parts = references.map(reference => ({ url: 'recipient', valueReference: { reference } }))
    return { ...text, extension: [...(text.extension ?? []), ...parts] }
  })
  const works = [...staff].map(one => w.works(one, 'researcher'))
  return w.study(id, 'lab', [...kinds.map(kind => w.requests(kind)), ...texts, ...works], status)
}
const consentOf = ({ id, of, to }: Given, { isYes, kinds, text }: Version): Consent => ({
  ...w.signedAnew(
    w.consent(
      to,
      of,
      isYes ? 'active' : 'inactive',
      kinds.map(kind => w.permit(kind)),
    ),
  ),
  id,
  sourceAttachment: w.sourceOf(wordsOf(to, text)),
})

/** What is written, whether it should be accepted, and what is so from then on; undefined where there is nothing to do. */
type Step = (
  model: Model,
) => { readonly write: Resource; readonly isAllowed?: boolean; readonly so: () => void } | undefined

const signs = ([of, kinds]: readonly [Of, readonly string[]]): Step => {
  return model => {
    const { status, recipients } = model.studies[of.to]
    const before = standing(model, of)
    const given = before ?? { ...of, id: `consent-${model.given.length}`, versions: [], isEndedByJoining: false }
    const version = { isYes: true, kinds, text: recipients.length - 1, at: model.now }
    const so = () => {
      given.versions.push(version)
      if (before === undefined) model.given.push(given)
    }
    return { write: consentOf(given, version), isAllowed: before !== undefined || status === 'active', so }
  }
}

const withdraws = (of: Of): Step => {
  return model => {
    const given = standing(model, of)
    const last = given?.versions.at(-1)
    if (given === undefined || last === undefined) return undefined
    const version = { ...last, isYes: false, at: model.now }
    return { write: consentOf(given, version), so: () => void given.versions.push(version) }
  }
}

const enters = (of: Of): Step => {
  return model => {
    const place = { ...of, id: `place-${model.places.length}`, since: model.now, isOver: false }
    const isSecond = model.places.some(one => one.of === of.of && one.to === of.to && !one.isOver)
    const isAllowed = !isSecond && (!hasLeft(model, of) || standing(model, of) === undefined)
    return { write: { ...w.enrols(of.to, of.of), id: place.id }, isAllowed, so: () => void model.places.push(place) }
  }
}

const leaves = ({ of, to }: Of): Step => {
  return model => {
    const place = model.places.find(one => one.of === of && one.to === to && !one.isOver)
    const so = () => Object.assign(place ?? {}, { isOver: true })
    return place && { write: { ...w.enrols(to, of, 'withdrawn'), id: place.id }, so }
  }
}

/** A study with one thing changed. */
const changes = (to: Of['to'], change: (study: Study, model: Model) => void, isAllowed = (_: Model) => true): Step => {
  return model => {
    const changed = structuredClone(model)
    change(changed.studies[to], changed)
    return {
      write: studyOf(to, changed.studies[to]),
      isAllowed: isAllowed(model),
      so: () => change(model.studies[to], model),
    }
  }
}

const becomes = ([to, status]: readonly [Of['to'], string]): Step =>
  changes(to, study => void Object.assign(study, { status }))

/** Once a text names its recipients, all later ones do. */
const publishes = ([to, names]: readonly [Of['to'], boolean]): Step =>
  changes(to, ({ recipients, staff }, { inside }) => {
    const named = [...staff].filter(one => !inside.has(one))
    recipients.push(names || recipients.some(one => one !== undefined) ? named : undefined)
  })

/** Nobody from elsewhere who would read what was signed without them. */
const names = ([to, who]: readonly [Of['to'], string]): Step =>
  changes(
    to,
    ({ staff }) => void staff.add(who),
    model => {
      const { staff, recipients } = model.studies[to]
      const texts = model.given.flatMap(one => (one.to === to ? (openedBy(model, one)?.version.text ?? []) : []))
      return model.inside.has(who) || staff.has(who) || texts.every(text => recipients[text] !== undefined)
    },
  )

const dismisses = ([to, who]: readonly [Of['to'], string]): Step => changes(to, ({ staff }) => void staff.delete(who))

const works = (isInside: boolean): Step => {
  const write = { ...w.role('newcomer', 'bench', 'viewer'), active: isInside } as Resource
  return ({ inside }) => ({ write, so: () => void (isInside ? inside.add('newcomer') : inside.delete('newcomer')) })
}

const measures = ([of, kind]: readonly [Of['of'], string]): Step => {
  return model => {
    const measured = { id: `measured-${model.measured.length}`, of, kind, at: model.now }
    return { write: w.measured(measured.id, of, kind), so: () => void model.measured.push(measured) }
  }
}

/** What was given to a study that was left ends, and what one of them gave before the other said no to the same study. */
const join = (): Step => model => {
  const refusals = (of: Of) =>
    model.given
      .filter(one => one.of !== of.of && one.to === of.to)
      .flatMap(({ versions }) => versions.filter(one => !one.isYes))
  const isEnding = (one: Given) =>
    hasLeft(model, one) ||
    (!isYes(one) && openedBy(model, one) === undefined) ||
    refusals(one).some(({ at }) => at > (one.versions.findLast(({ isYes }) => isYes)?.at ?? 0))
  const ending = model.given.filter(isEnding)
  const standing = model.given.filter(one => isYes(one) && !hasLeft(model, one)).map(({ to }) => to)
  const so = () => {
    model.isJoined = true
    for (const one of ending) {
      if (isYes(one)) one.versions.push({ isYes: false, kinds: [], text: 0, at: model.now })
      one.isEndedByJoining = true
    }
  }
  const link = patients.map(id => ({ target: { reference: `Patient/${id}` } }))
  return model.isJoined
    ? undefined
    : {
        write: { resourceType: 'Person', id: 'human', link },
        isAllowed: new Set(standing).size === standing.length,
        so,
      }
}

const of = fc.record({ of: fc.constantFrom(...patients), to: fc.constantFrom(...studies) })
const to = fc.constantFrom(...studies)
const who = fc.constantFrom('newcomer', 'outsider')
const step = <T>(weight: number, arbitrary: fc.Arbitrary<T>, does: (given: T) => Step) => ({
  weight,
  arbitrary: arbitrary.map(given => ({ name: `${does.name} ${JSON.stringify(given)}`, does: does(given) })),
})
const steps = fc.oneof(
  step(6, fc.tuple(of, fc.subarray([...kinds], { minLength: 1 })), signs),
  step(4, of, withdraws),
  step(3, of, enters),
  step(2, of, leaves),
  step(3, fc.tuple(to, fc.constantFrom('active', 'active', 'closed-to-accrual', 'completed')), becomes),
  step(2, fc.tuple(to, fc.boolean()), publishes),
  step(3, fc.tuple(to, who), names),
  step(1, fc.tuple(to, who), dismisses),
  step(1, fc.boolean(), works),
  step(4, fc.tuple(fc.constantFrom(...patients), fc.constantFrom(...kinds)), measures),
  step(1, fc.constant(undefined), join),
)

type Walk = readonly { readonly name: string; readonly does: Step }[]

/** Takes the steps until one of them was accepted or refused against the rules, or somebody reads what they should not, or cannot read what they should. */
const follow = async (world: World, model: Model, walk: Walk) => {
  const told: string[] = []
  for (const { name, does } of walk) {
    model.now += 1
    const done = does(model)
    if (done === undefined) continue
    const [written] = await world.importer.write([{ kind: 'update', id: done.write.id ?? '', resource: done.write }])
    const isDone = written?.outcome !== 'refused'
    told.push(`${name}${isDone ? '' : ', refused'}`)
    if (isDone) done.so()
    const isAsAllowed = isDone === (done.isAllowed ?? true)
    const disagreeing = await disagreeingIn(world)
    const isSeen = isDeepStrictEqual(await seenIn(world), shouldSee(model))
    if (!isAsAllowed || !isSeen || disagreeing.length > 0) return { told, isAsAllowed, disagreeing }
  }
  return { told, isAsAllowed: true, disagreeing: [] }
}

/** Places whose status says something else than the page of the study, or that name another Consent than the one that page goes by. */
const disagreeingIn = async ({ database }: World) => {
  const places = studies.map(study => {
    const states = statesOf(
      { access: () => all, classes: openCodeClasses() },
      { study, subjects: all, shared: all, silentDays: 14, newestOf: 'everybody' },
    )
    return sql.fragment`(WITH ${states}
      SELECT subject.content ->> 'id' AS id, subject.content ->> 'status' AS status, person.state, given.content ->> 'status' AS said
      FROM person JOIN research_subject AS subject ON subject.patient_id = person.patient_id AND subject.pk = person.pk
      LEFT JOIN consent AS given ON given.patient_id = person.patient_id AND 'Consent/' || given.id = subject.content #>> '{consent,reference}')`
  })
  const rows = await database.any<Told>(sql.fragment`${sql.join(places, sql.fragment` UNION ALL `)}`)
  return rows.filter(({ state, status, said }) => !(sayingOf[state]?.(status, said) ?? false))
}
type Told = {
  readonly id: string
  readonly state: string
  readonly status: string
  readonly said: string | null
}
const isGiving = (status: string, said: string | null) => status === 'on-study' && said === 'active'
const sayingOf: Readonly<Record<string, (status: string, said: string | null) => boolean>> = {
  none: (status, said) => status === 'candidate' && said === null,
  all: isGiving,
  partly: isGiving,
  nothing: isGiving,
  withdrawn: (status, said) => status === 'candidate' && said === 'inactive',
  ended: status => status === 'withdrawn',
}

type World = Awaited<ReturnType<typeof w.openWorld>>

const seenIn = ({ see, storeOf }: World) =>
  Promise.all(readers.map(one => see(storeOf(w.staff(one)), 'Observation', '_count=100')))
const shouldSee = (model: Model) => readers.map(one => readBy(model, one))

const openWalked = async (model: Model) => {
  const world = await w.openWorld()
  const organizations = [w.organization('lab'), w.organization('bench', 'lab'), w.organization('home')]
  await world.put(...organizations, w.role('insider', 'lab', 'viewer'), ...patients.map(id => w.registered(id, 'home')))
  await world.put(...studies.map(id => studyOf(id, model.studies[id])))
  for (const of of patients)
    for (const kind of kinds) {
      const measured = { id: `${of}-${kind.replace(':', '-')}`, of, kind, at: 0 }
      await world.put(w.measured(measured.id, of, kind))
      model.measured.push(measured)
    }
  return world
}

t.test('whatever they do, each reads what is consented to them, also when everything is derived anew', async t => {
  const walks = fc.sample(fc.array(steps, { minLength: 60, maxLength: 60 }), { seed: 5, numRuns: 3 })
  for (const walk of walks) {
    const model = newModel()
    const world = await openWalked(model)
    const dictionaryConnection = openDatabase(world.url, { poolSize: 1 })
    const { told, isAsAllowed, disagreeing } = await follow(world, model, walk)
    t.ok(isAsAllowed, 'each step is accepted or refused as it should be', { told })
    t.strictSame(await seenIn(world), shouldSee(model), 'after each step', { told })
    t.strictSame(disagreeing, [], 'each place says what the page of its study says', { told })
    const { database } = world
    await reindex({ database, dictionaryConnection, registry: loadRegistry(), classes: openCodeClasses() })
    t.strictSame(await seenIn(world), shouldSee(model), 'derived anew')
    t.strictSame(await disagreeingIn(world), [], 'derived anew')
    await dictionaryConnection.close()
    await world.close()
  }
})
