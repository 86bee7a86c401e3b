import type { Registry } from '../../fhir/registry.ts'
import type { Search } from '../../search/search.ts'
import type { OfKinds, ReadingsAsked } from '../figures/figures.ts'
import type { Match, ReadStore, Store } from '../store.ts'
import { type Answering, nothing, openAnswering, type Recorder } from './answering.ts'
import { searchAsked, shortened } from './asked.ts'
import { concernedBy, measured } from './concerned.ts'
import { namedBeside } from './named.ts'
import { peopleAccesses, sharersAccesses } from './people-access.ts'
import { recordedAsOne } from './together.ts'

/**
 * Records whatever answers with resources, or with figures made of them. What is not about any patient's data passes unchanged: each such method
 * is listed, so that a new one does not pass unnoticed.
 */
export const readingStore = (store: Store, registry: Registry, recorder: Recorder): ReadStore => {
  const asked: Asked = { store, registry, recorder, ...openAnswering(store, registry, recorder) }
  const passed: Pick<Store, Unrecorded> = store
  return { ...passed, ...resources(asked), ...searches(asked), ...figures(asked), ...refused(asked), ...events(asked) }
}

/**
 * Parts of what was read and recorded already, published definitions, counts by source or reason, rows for the record itself, and what a write
 * asks before it.
 */
type Unrecorded =
  | 'subset'
  | 'terminology'
  | 'quarantined'
  | 'ingest'
  | 'whose'
  | 'unseen'
  | 'issueBinding'
  | 'takeTurns'
  | 'validationPolicies'

type Asked = Answering & { readonly store: Store; readonly registry: Registry; readonly recorder: Recorder }

const resources = ({ store, answering }: Asked): Pick<Store, 'read' | 'vread' | 'history' | 'historyOfTypes'> => ({
  read: (type, id) =>
    answering(
      { interaction: 'read', type, resource: id },
      () => store.read(type, id),
      one => [one],
    ),
  vread: (type, id, versionId) =>
    answering(
      { interaction: 'vread', type, resource: id },
      () => store.vread(type, id, versionId),
      one => [one],
    ),
  history: (type, id, asked) =>
    answering(
      { interaction: 'history-instance', type, resource: id },
      () => store.history(type, id, asked),
      ({ entries }) => entries,
    ),
  historyOfTypes: (types, asked) =>
    answering(
      { interaction: 'history-type', ...(types.length === 1 ? { type: types[0] } : {}) },
      () => store.historyOfTypes(types, asked),
      ({ entries }) => entries,
    ),
})

const searches = ({
  store,
  registry,
  recorder: { keep, guard },
  answering,
  searching,
}: Asked): Pick<Store, 'search' | 'asOne' | 'explain' | 'matches' | 'heldMatches' | 'meta'> => ({
  search: search =>
    searching(
      search,
      () => store.search(search),
      ({ entries }) => entries,
      ({ included }) => included,
    ),
  asOne: (run, ahead) =>
    store.asOne(
      inner =>
        recordedAsOne(keep, gathering =>
          run(readingStore({ ...store, ...inner }, registry, { keep: gathering, guard })),
        ),
      ahead,
    ),
  explain: (search, depth) => searching(search, () => store.explain(search, depth), nothing),
  matches: (search, limit) => searching(search, () => store.matches(search, limit), ofType(search)),
  heldMatches: (search, limit) => searching(search, () => store.heldMatches(search, limit), ofType(search)),
  meta: types => answering({ interaction: 'search-system' }, () => store.meta(types), nothing),
})

const ofType =
  ({ type }: Search) =>
  (matches: readonly Match[]) =>
    matches.map(one => ({ ...one, type }))

type Figures =
  | 'lastn'
  | 'statistics'
  | 'series'
  | 'glucoseProfile'
  | 'pressure'
  | 'completeness'
  | 'studyPeople'
  | 'sharers'
  | 'arrivals'

const figures = ({ store, registry, recorder: { keep, guard }, answering }: Asked): Pick<Store, Figures> => {
  const ofCodes = <T extends OfKinds | readonly OfKinds[]>(
    { patient, codes }: Pick<ReadingsAsked, 'patient' | 'codes'>,
    run: () => Promise<T>,
  ): Promise<T> => {
    const asked = codes.map(({ system, code }) => (system === undefined ? code : `${system}|${code}`))
    const query = shortened(`code=${asked.join(',')}`)
    return answering({ interaction: 'search-type', type: 'Observation', subjects: [patient], query }, run, measured)
  }
  return {
    lastn: ({ applied, ...asked }) =>
      answering(
        { ...searchAsked(registry, { type: 'Observation', applied }), type: 'Observation', subjects: asked.patients },
        () => store.lastn({ applied, ...asked }),
        found => found,
      ),
    statistics: asked => ofCodes({ ...asked, codes: [asked.code] }, () => store.statistics(asked)),
    series: asked => ofCodes(asked, () => store.series(asked)),
    glucoseProfile: asked => ofCodes(asked, () => store.glucoseProfile(asked)),
    pressure: asked =>
      ofCodes({ ...asked, codes: [...asked.systolic, ...asked.diastolic] }, () => store.pressure(asked)),
    completeness: asked =>
      answering(
        { interaction: 'search-type', type: 'Observation', subjects: asked.patients },
        () => store.completeness(asked),
        nothing,
      ),
    studyPeople: async asked => {
      const tried = { interaction: 'search-type', type: 'ResearchSubject' }
      const people = await guard(tried, () => store.studyPeople(asked))
      await Promise.all(peopleAccesses(registry, asked, people).map(keep))
      return people
    },
    sharers: async asked => {
      const sharers = await guard({ interaction: 'search-type', type: 'Consent' }, () => store.sharers(asked))
      await Promise.all(sharersAccesses(registry, asked, sharers).map(keep))
      return sharers
    },
    arrivals: asked =>
      answering(
        { interaction: 'search-type', type: 'Observation' },
        () => store.arrivals(asked),
        found => found.map(one => ({ ...one, type: 'Observation' })),
      ),
  }
}

const refused = ({ store, answering }: Asked): Pick<Store, 'quarantinedDocument' | 'refusedOf' | 'refusedDocument'> => {
  const reading = <T extends Awaited<ReturnType<Store['quarantinedDocument' | 'refusedDocument']>>>(
    run: () => Promise<T>,
  ): Promise<T> =>
    answering({ interaction: 'read', type: 'Observation' }, run, found =>
      found?.document === undefined ? [] : [{ ...found.document, type: 'Observation' }],
    )
  return {
    quarantinedDocument: (...asked) => reading(() => store.quarantinedDocument(...asked)),
    refusedDocument: id => reading(() => store.refusedDocument(id)),
    refusedOf: asked =>
      answering(
        { interaction: 'search-type', type: 'Observation', subjects: [asked.patient] },
        () => store.refusedOf(asked),
        nothing,
      ),
  }
}

const events = ({ store, registry, recorder: { keep }, questioning }: Asked): Pick<Store, 'lastEvent' | 'events'> => ({
  lastEvent: async (id, question) => {
    const last = await store.lastEvent(id, question)
    if (question === undefined) return last
    const { subjects, rows } = await namedBeside(store, question, [])
    const concerned = concernedBy(registry, { type: question.type, subjects }, rows)
    if (subjects.length + rows.length > 0) await keep({ interaction: 'read', ...concerned, outcome: 200 })
    return last
  },
  events: (id, question, range) =>
    questioning(
      { interaction: 'read', type: question.type },
      question,
      () => store.events(id, question, range),
      events => events.flatMap(({ focus }) => (focus === undefined ? [] : [focus])),
    ),
})
