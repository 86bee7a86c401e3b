import type { ResourceType } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'
import type { Registry } from '../../fhir/registry.ts'
import { inCompartment } from '../../search/compartment.ts'
import { all, and, type Expression } from '../../search/expression.ts'
import { countingWork } from '../../search/limit.ts'
import { parseSearch } from '../../search/parse.ts'
import { refusal } from '../../search/refusal.ts'
import type { Search } from '../../search/search.ts'
import { narrowToTypes, typeName } from '../../search/several-types.ts'
import type { Store } from '../../storage/store.ts'
import type { CompartmentRequest, Context, FhirResponse, Handler, SystemRequest } from '../interaction.ts'
import { requireAccess } from '../require-access.ts'
import { searchableTypes } from '../searchable-types.ts'
import { openPage } from './paging.ts'
import { handlingOf, requireIncludable, searchset } from './search.ts'
import { searchLines } from './search-lines.ts'
import { pageOfSeveral } from './several-pages.ts'

/** https://hl7.org/fhir/R4/http.html#vsearch: several types at once, one after another, each in its own order. */
export const searchSystem: Handler<SystemRequest> = (request, context) =>
  searchSeveral(request, { path: '', within: () => all }, context)

/** All types that are in the compartment of one resource. */
export const searchCompartments: Handler<CompartmentRequest> = (request, context) => {
  const { compartment, id } = request
  const within = (type: ResourceType) => inCompartment(context.registry, request, type)
  return searchSeveral(request, { path: `${compartment}/${id}/*`, within }, context)
}

type Whole = { readonly path: string; readonly within: (type: ResourceType) => Expression | undefined }

const searchSeveral = async (
  { query, headers }: SystemRequest,
  { path, within }: Whole,
  context: Context,
): Promise<FhirResponse> => {
  const { registry, base, store } = context
  const { query: asked, page } = await openPage(query, path, context)
  const handling = handlingOf(headers)
  const named = typesNamed(asked, registry)
  for (const type of named ?? []) {
    if (within(type) === undefined) throw refusal(typeName, `No ${type} is in such a compartment`)
    requireAccess(context, 's', type)
  }
  const possible = named ?? searchableTypes(context)
  const types = possible.filter(one => within(one) !== undefined)
  const shared = narrowToTypes(registry, asked, { types, isNamed: named !== undefined, handling })
  const counted = countingWork()
  const searches = shared.types.map(type => {
    const search = parseSearch(registry, type, shared.query, { base, handling, types: shared.types })
    for (const { named } of search.include) requireIncludable(named, context)
    return { ...search, where: and(within(type) ?? all, counted(search.where)) }
  })
  if (searches.some(({ sort }) => sort.length > 0) && searches.length > 1) throw severalSorted()
  const applied = [...asked]
    .filter(([name]) => name === typeName)
    .concat(searches[0]?.applied.map(([...pair]) => pair) ?? [])
  if (headers.lines) return linesOfSeveral(searches, page, context)
  const ignored = [...shared.ignored, ...(searches[0]?.ignored ?? [])]
  const answered = { path, of: 'all these types', applied, ignored, cursor: page }
  return searchset(answered, await pageOfSeveral(store, searches, page), context)
}

const linesOfSeveral = (
  searches: readonly Search[],
  cursor: string | undefined,
  { store }: Context,
): Promise<FhirResponse> => {
  const [first] = searches
  if (first === undefined) throw new FhirError('forbidden', 'This token does not allow it to search anything here')
  const search: Store['search'] = ({ count, cursor }) =>
    pageOfSeveral(
      store,
      searches.map(one => ({ ...one, count })),
      cursor,
    )
  return searchLines({ ...first, cursor }, { store }, search)
}

/** Undefined if none is named, which means all that the caller may search. */
const typesNamed = (query: URLSearchParams, registry: Registry): readonly ResourceType[] | undefined => {
  const [text, ...others] = query.getAll(typeName)
  if (text === undefined) return undefined
  if (others.length > 0)
    throw refusal(typeName, `"${typeName}" is given more than once; types stand behind one another with commas`)
  return [...new Set(text.split(','))].map(name => {
    if (registry.isResourceType(name)) return name
    throw refusal(typeName, `"${name}" is not a resource type of FHIR R4`)
  })
}

const severalSorted = (): FhirError =>
  refusal('_sort', 'Several types come one after another, each in its own order; _sort needs a single one in _type')
