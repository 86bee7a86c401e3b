import type { ResourceType } from '@medplum/fhirtypes'
import type { Registry } from '../../fhir/registry.ts'
import type { Search } from '../../search/search.ts'
import type { OfKinds, ReadingsAsked } from '../figures/figures.ts'
import type { Store } from '../store.ts'
import { searchAsked, shortened } from './asked.ts'
import { concernedAmong, concernedBy, type Found, measured } from './concerned.ts'
import { type Answered, namedBeside, type Searched } from './named.ts'
import { peopleAccesses } from './people-access.ts'
import type { Keep, Tried } from './refusal.ts'
import { recordedAsOne } from './together.ts'

export type Recorder = {
  readonly keep: Keep
  readonly guard: <T>(tried: Tried, run: () => Promise<T>) => Promise<T>
}

/** Records whatever answers with resources, or with figures made of them. What is not about any patient's data passes unchanged. */
export const readingStore = (store: Store, registry: Registry, { keep, guard }: Recorder): Store => {
  const answering = async <T>(
    asked: Asked,
    run: () => Promise<T>,
    found: (answer: T) => readonly Found[],
  ): Promise<T> => {
    const answer = await guard(asked, run)
    const { subjects: _, ...said } = asked
    await keep({ ...said, ...concernedAmong(registry, asked, found(answer)), outcome: 200 })
    return answer
  }
  /** Besides those whose data is in the answer, those are recorded whom the question is about but the answer does not show. */
  const questioning = async <T>(
    asked: Asked,
    question: Searched,
    run: () => Promise<T>,
    matched: (answer: T) => readonly Answered[],
    more: (answer: T) => readonly Found[] = nothing,
  ): Promise<T> => {
    const answer = await guard(asked, run)
    const matches = matched(answer)
    const { subjects, rows } = await namedBeside(store, question, matches)
    const concerned = concernedBy(registry, { type: question.type, subjects }, matches, more(answer), rows)
    await keep({ ...asked, ...concerned, outcome: 200 })
    return answer
  }
  const asking = <T>(
    search: Search,
    ...[run, matched, more]: [
      run: () => Promise<T>,
      matched: (answer: T) => readonly Answered[],
      more?: (answer: T) => readonly Found[],
    ]
  ): Promise<T> => questioning(searchAsked(registry, search), search, run, matched, more)
  const figures = <T extends OfKinds | readonly OfKinds[]>(
    { patient, codes }: Measured,
    run: () => Promise<T>,
  ): Promise<T> => {
    const asked = codes.map(({ system, code }) => (system === undefined ? code : `${system}|${code}`))
    const query = shortened(`code=${asked.join(',')}`)
    return answering({ interaction: 'search-type', type: 'Observation', subjects: [patient], query }, run, measured)
  }
  return {
    ...store,
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
    search: search =>
      asking(
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
    explain: (search, depth) => asking(search, () => store.explain(search, depth), nothing),
    matches: (search, limit) =>
      asking(
        search,
        () => store.matches(search, limit),
        matches => matches.map(one => ({ ...one, type: search.type })),
      ),
    lastn: ({ applied, ...asked }) =>
      answering(
        { ...searchAsked(registry, { type: 'Observation', applied }), type: 'Observation', subjects: asked.patients },
        () => store.lastn({ applied, ...asked }),
        found => found,
      ),
    statistics: asked => figures({ ...asked, codes: [asked.code] }, () => store.statistics(asked)),
    series: asked => figures(asked, () => store.series(asked)),
    glucoseProfile: asked => figures(asked, () => store.glucoseProfile(asked)),
    completeness: asked =>
      answering(
        { interaction: 'search-type', type: 'Observation', subjects: asked.patients },
        () => store.completeness(asked),
        nothing,
      ),
    studyPeople: async asked => {
      const people = await guard({ interaction: 'search-type', type: 'ResearchSubject' }, () =>
        store.studyPeople(asked),
      )
      await Promise.all(peopleAccesses(registry, asked, people).map(keep))
      return people
    },
    arrivals: asked =>
      answering(
        { interaction: 'search-type', type: 'Observation' },
        () => store.arrivals(asked),
        found => found.map(one => ({ ...one, type: 'Observation' })),
      ),
    quarantinedDocument: (...asked) =>
      answering(
        { interaction: 'read', type: 'Observation' },
        () => store.quarantinedDocument(...asked),
        found => (found?.document === undefined ? [] : [{ ...found.document, type: 'Observation' }]),
      ),
    refusedOf: asked =>
      answering(
        { interaction: 'search-type', type: 'Observation', subjects: [asked.patient] },
        () => store.refusedOf(asked),
        nothing,
      ),
    refusedDocument: id =>
      answering(
        { interaction: 'read', type: 'Observation' },
        () => store.refusedDocument(id),
        found => (found?.document === undefined ? [] : [{ ...found.document, type: 'Observation' }]),
      ),
    meta: types => answering({ interaction: 'search-system' }, () => store.meta(types), nothing),
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
  }
}

type Asked = Omit<Tried, 'type'> & { readonly type?: ResourceType | undefined }

type Measured = Pick<ReadingsAsked, 'patient' | 'codes'>

const nothing = (): readonly Answered[] => []
