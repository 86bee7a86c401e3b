import type { Bundle, Consent, Observation } from '@medplum/fhirtypes'
import t from 'tap'
import { systems } from '../../src/fhir/canonical.ts'
import { openNewcomers } from '../support/newcomers.ts'
import { consent } from '../support/study.ts'

const world = await openNewcomers()
const { hearts, kinds, manager, newcomer, organization, send, update } = world
t.teardown(() => world.server.close())
t.setTimeout(240_000)

/** Each history can be tried again by its number. */
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e6))
let state = seed
/** https://en.wikipedia.org/wiki/Linear_congruential_generator */
const random = (): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return state / 2 ** 32
}
const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T

/** What was asked and answered, in the order in which it was. */
let moment = 0
const now = () => ++moment

const never = Number.POSITIVE_INFINITY
type Given = { readonly kind: string; readonly asked: number; answered: number; endAsked: number; endAnswered: number }
type Reading = { readonly kind: string; readonly value: string; readonly asked: number; answered: number; id?: string }
type Somebody = Awaited<ReturnType<typeof newcomer>> & {
  readonly given: Given[]
  readonly readings: Reading[]
  consent: Consent | undefined
}

const loinc: Readonly<Record<string, string>> = { 'omh:heart-rate': '8867-4', 'omh:body-weight': '29463-7' }
let readings = 0

const give = async (somebody: Somebody) => {
  const chosen = random() < 0.7 ? kinds : [pick(kinds)]
  const given = chosen.map(kind => ({ kind, asked: now(), answered: never, endAsked: never, endAnswered: never }))
  somebody.given.push(...given)
  somebody.consent = (await somebody.gives(chosen)) as Consent
  for (const one of given) one.answered = now()
}

/** By its status, by its deletion, or in part. */
const end = async (somebody: Somebody, stored: Consent) => {
  const kept = random() < 0.4 ? [pick(kinds)] : []
  const standing = somebody.given.filter(({ endAsked }) => endAsked === never)
  const ending = standing.filter(({ kind }) => !kept.includes(kind))
  if (ending.length === 0) return
  for (const one of ending) one.endAsked = now()
  if (ending.length < standing.length)
    await update(somebody.own, { ...consent(somebody.patient, hearts.id, organization, kept), id: stored.id as string })
  else {
    if (random() < 0.5) await send(somebody.own, 'DELETE', `Consent/${stored.id}`)
    else await update(somebody.own, { ...stored, status: 'inactive' })
    somebody.consent = undefined
  }
  for (const one of ending) one.endAnswered = now()
}

const measure = async ({ patient, own, readings: all }: Somebody) => {
  const made = Array.from({ length: 1 + Math.floor(random() * 4) }, (): Reading => {
    readings += 1
    return { kind: pick(kinds), value: `${60 + readings / 10_000}`, asked: now(), answered: never }
  })
  all.push(...made)
  const entry = made.map(({ kind, value }) => ({
    resource: {
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: systems.loinc, code: loinc[kind] }] },
      subject: { reference: `Patient/${patient}` },
      effectiveDateTime: '2026-03-01T08:00:00Z',
      valueQuantity: { value: Number(value), system: systems.ucum, code: '1' },
    },
    request: { method: 'POST', url: 'Observation' },
  }))
  const answer = await send(own, 'POST', '', { resourceType: 'Bundle', type: pick(['batch', 'transaction']), entry })
  const bundle: Bundle = answer.json()
  for (const [index, one] of made.entries()) {
    const { status, location } = bundle.entry?.[index]?.response ?? {}
    if (status?.startsWith('201') === true) Object.assign(one, { answered: now(), id: location?.split('/').at(-3) })
  }
}

/** How a reader comes to all readings of one patient: what is answered, and how many there are said to be. */
const doors: Readonly<Record<string, (patient: string) => string>> = {
  search: patient => `Observation?patient=Patient/${patient}&_count=1000&_total=accurate`,
  count: patient => `Observation?patient=Patient/${patient}&_summary=count`,
  'reverse include': patient => `Patient?_id=${patient}&_revinclude=Observation:patient`,
  everything: patient => `Patient/${patient}/$everything?_count=1000`,
}

const wrong: string[] = []
const read = async ({ patient, given, readings: all }: Somebody) => {
  const door = pick(Object.keys(doors))
  const asked = now()
  const answer = await send(manager, 'GET', doors[door]?.(patient) ?? '')
  const answered = now()
  const { total, entry = [] }: Bundle<Observation> = answer.json()
  const found = entry.flatMap(({ resource }) => (resource?.resourceType === 'Observation' ? [resource.id] : []))
  const covering = (reading: Reading, holds: (one: Given) => boolean) =>
    given.some(one => one.kind === reading.kind && holds(one))
  const may = all.filter(
    one => one.asked < answered && covering(one, given => given.asked < answered && given.endAnswered > asked),
  )
  const must = all.filter(
    one => one.answered < asked && covering(one, given => given.answered < asked && given.endAsked > answered),
  )
  const said = `${door} from ${asked} to ${answered} (SEED=${seed})`
  if (answer.statusCode !== 200) wrong.push(`${said}: ${answer.statusCode} ${answer.body}`)
  const ids = new Set(may.flatMap(({ id }) => id ?? []))
  if (found.some(id => !ids.has(id as string) && all.some(one => one.id === id)))
    wrong.push(`${said} shows what was withdrawn`)
  if (door !== 'count' && must.some(({ id }) => !found.includes(id))) wrong.push(`${said} lacks what is shared`)
  if (door === 'search' && total !== found.length) wrong.push(`${said} says ${total} of ${found.length}`)
  if (door === 'count' && (total === undefined || total < must.length || total > may.length))
    wrong.push(`${said} counts ${total}, of ${must.length} to ${may.length}`)
}

t.test(
  'whatever is signed, withdrawn, sent and read at once, nothing withdrawn is answered, and nothing shared is missing',
  async t => {
    const people: Somebody[] = []
    for (const name of ['Ann', 'Bob'])
      people.push({ ...(await newcomer(name)), given: [], readings: [], consent: undefined })
    let going = people.length
    const decide = async (somebody: Somebody) => {
      for (let step = 0; step < 7; step += 1) {
        const { consent: stored } = somebody
        await (stored === undefined ? give(somebody) : end(somebody, stored))
      }
      going -= 1
    }
    const repeat = async (act: (somebody: Somebody) => Promise<void>, of: () => Somebody) => {
      while (going > 0) await act(of())
    }
    await Promise.all([
      ...people.map(decide),
      ...people.map(one => repeat(measure, () => one)),
      ...people.map(() => repeat(read, () => pick(people))),
    ])
    for (const one of people) await read(one)
    t.strictSame(wrong, [])
  },
)
