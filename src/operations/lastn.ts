import { and } from '../search/expression.ts'
import { namedPatients } from '../search/named-patients.ts'
import { parseCriteria } from '../search/parse.ts'
import { refusal } from '../search/refusal.ts'
import type { Operation } from './operation.ts'
import { atMost, primitivesOf } from './parameters.ts'
import { searchsetOf } from './searchset.ts'

/** https://hl7.org/fhir/R4/observation-operation-lastn.html */
export const lastn: Operation = {
  name: 'lastn',
  definition: 'http://hl7.org/fhir/OperationDefinition/Observation-lastn',
  at: { type: 's' },
  types: ['Observation'],
  methods: ['GET', 'POST'],
  takes: () => ({ primitives: { max: 'integer' }, searches: true }),
  documentation:
    'The latest Observations of each group of codes, as many as max says (1 by default), for the patients in patient or subject, and those that are as old as the last of them. Other search parameters narrow the search. Codes that occur together in the code of an Observation are one group; Observations without a coding are grouped by their text.',
  handler: async (request, { registry, store, base }) => {
    const given = primitivesOf(request, lastn.takes().primitives, 'search')
    const max = atMost(given, 'max', mostOfEach, 1)
    given.delete('max')
    const where = given.size === 0 ? undefined : parseCriteria(registry, 'Observation', given, { base })
    const patients = where && namedPatients(where)
    if (where === undefined || patients === undefined)
      throw refusal('patient', '$lastn needs patient or subject with the ids of Patients, as in patient=Patient/123')
    const found = await store.lastn({ where: and(where), patients, max, applied: [...given] })
    return searchsetOf(found, {
      base,
      self: `Observation/$lastn?${new URLSearchParams([...given, ['max', String(max)]])}`,
    })
  },
}

const mostOfEach = 100
